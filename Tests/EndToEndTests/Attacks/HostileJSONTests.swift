import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A hostile body` {
    @Test func `is refused for what it is, however large, deep or strange`() async throws {
        try await withSystem(environment: ["ANNALS_MAX_BODY": "65536"]) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            func nested(_ depth: Int) -> String { String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth) }
            let fits = 65_000
            let bodies: [(String, Set<Int>)] = [
                (nested(10_000), [400]), (nested(65), [400]), (nested(63), [422]), (String(repeating: "[", count: fits), [400]),
                (#"{"title":\#(String(repeating: "[", count: fits))"#, [400]), (#"{"title":"a","title":"b","content":"c"}"#, [400]),
                (#"{"title":"a","\u0074itle":"b","content":"c"}"#, [400]), (#"{"title":1e400,"content":"c"}"#, [422]),
                (#"{"title":\#(String(repeating: "9", count: fits)),"content":"c"}"#, [400, 422]), (#"{"title":-0.0e-99999,"content":"c"}"#, [422]),
                (#"{"title":0.\#(String(repeating: "0", count: fits))1,"content":"c"}"#, [422]),
                ("{" + (0..<5000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}", [422]),
                (#"{"title":"\#(String(repeating: #"\u0041"#, count: 10_000))","content":"c"}"#, [422]),
                (#"{"title":"a","content":"\#(String(repeating: "x", count: 65_536))"}"#, [413]), ("\u{FEFF}{}", [400]), ("{}{}", [400]),
                (#"{"title":"a","content":"c"} garbage"#, [400]), (#"{"title":NaN}"#, [400]), (#"{"title":"\ud800"}"#, [400]), ("", [400]),
            ]
            for (body, statuses) in bodies {
                let answer = try await ann.call(.POST, "/posts", json: body)
                #expect(statuses.contains(answer.status), "\(body.prefix(40)): \(answer.status)")
                #expect(answer.body.count < 64_000, "a small request may not get a huge answer")
            }
            #expect(try await ann.call(.GET, "/posts").json["pagination"]?["total"]?.int == 0)

            // Without an announced length the limit holds all the same.
            let chunked = try Wire(port: system.port)
            let head =
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            await chunked.send(head + "10001\r\n{\"email\":\"" + String(repeating: "x", count: 65_527) + "\r\n0\r\n\r\n")
            let answer = try await chunked.rest()
            #expect(answer.hasPrefix("HTTP/1.1 413") && answer.contains("PAYLOAD_TOO_LARGE"))
        }
    }
}
