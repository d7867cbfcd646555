import Foundation
import Synchronization
import TestSupport
import Testing

private final class Count: Sendable {
    let value = Atomic(0)
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A stop` {
    @Test(.timeLimit(.minutes(longestTest))) func `works while clients ask for all they can`() async throws {
        try await withDataDirectory { directory in
            let system = try await RunningSystem(dataDirectory: directory)
            let marks = String(repeating: "\u{301}\u{327}", count: 7000)
            let head = "HTTP/1.1\r\nHost: x\r\n"
            let login = "POST /api/v1/auth/login \(head)Content-Type: application/json\r\n"
            let key = #"{"\#(String(repeating: "\u{301}\u{327}", count: 200_000))":1}"#
            let requests = [
                "GET /api/v1/posts?x=" + String(repeating: "%CC%81%CC%A7", count: 600) + " \(head)\r\n",
                "GET /" + String(repeating: "a/", count: 4000) + " \(head)\r\n",
                "GET /" + String(repeating: "a", count: 31_000) + " \(head)\r\n",
                "GET /api/v1/posts \(head)If-None-Match: \"\(marks)\"\r\n\r\n",
                "GET /api/v1/posts \(head)Authorization: Bearer \(marks)\r\n\r\n",
                "GET /health \(head)" + (1...90).map { "X-\($0): \(String(repeating: "a,", count: 100))\r\n" }.joined() + "\r\n",
                "GET /health \(head)Connection: " + String(repeating: "a,", count: 14_000) + "\r\n\r\n",
                "GET /health \(head)Transfer-Encoding: " + String(repeating: "a,", count: 14_000) + "\r\n\r\n",
                login + "Transfer-Encoding: chunked\r\n\r\n" + String(repeating: "1\r\nx\r\n", count: 150_000) + "0\r\n\r\n",
                login + "Content-Length: \(key.utf8.count)\r\n\r\n" + key,
                String(repeating: "GET /health \(head)\r\n", count: 2000),
            ]
            let answered = Count()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for request in requests {
                    group.addTask {
                        // Until the server is gone.
                        while !Task.isCancelled, let wire = try? Wire(port: system.port) {
                            await wire.send(request)
                            guard let answer = try? await wire.answer() else { return }
                            if answer.hasPrefix("HTTP/1.1 ") { answered.value.add(1, ordering: .relaxed) }
                        }
                    }
                }
                // Those who wait without a word, in the middle of a request, and before a response that they don't read.
                let silent = try (1...20).map { _ in try Wire(port: system.port) }
                for wire in silent.prefix(10) { await wire.send(login + "Content-Length: 100\r\n\r\n{") }
                try await eventually { answered.value.load(ordering: .relaxed) >= 30 }
                let stop = await system.terminate()
                #expect(stop == 0)
                _ = consume silent
            }
        }
    }
}
