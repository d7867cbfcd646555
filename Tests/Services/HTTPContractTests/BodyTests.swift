import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A body` {
    private func code(_ request: Request) async throws -> String? { try await reading(request) { _ in }.code }

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"", "application/merge-patch+json"])
    func `is taken as JSON by its media type`(type: String) async throws {
        #expect(try await reading(posting("{}", [.contentType: type])) { _ in }.status == 204)
    }

    @Test func `is parsed beside Swift's threads when it is large`() async throws {
        func jobs(_ count: Int) async throws -> Int {
            let request = posting(#"{"numbers":[\#(String(repeating: "1,", count: count))1]}"#)
            return try await CountingExecutor.jobs { try await request.jsonBody() }.jobs
        }
        #expect(try await jobs(100) < jobs(200_000))
    }

    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=latin1", "", "text/x+json"])
    func `of another media type is 415`(type: String) async throws {
        #expect(try await code(posting("{}", [.contentType: type])) == "UNSUPPORTED_MEDIA_TYPE")
    }

    @Test(arguments: ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", ""])
    func `that is empty has no media type to speak of`(type: String) async throws {
        let optional = responder(.register) { request, _ in
            let object = try await request.optionalJSONBody()
            return Answer.data { $0.bool(object != nil) }
        }
        for headers in [[.contentType: type], [.contentType: type, .contentLength: "0", .contentEncoding: "gzip"]] as [HTTPFields] {
            #expect(try await optional.answer(request(.post, "/api/v1/auth/register", headers)).json?["data"] == .bool(false))
            #expect(try await code(request(.post, "/api/v1/auth/register", headers)) == "MALFORMED_REQUEST")
        }
    }

    @Test(arguments: ["identity", "Identity", "identity, identity", " identity "]) func `may say that it is not compressed`(coding: String)
        async throws
    {
        #expect(try await reading(posting("{}", [.contentEncoding: coding])) { _ in }.status == 204)
    }

    @Test func `without a media type, or compressed, is 415`() async throws {
        #expect(try await code(request(.post, "/api/v1/auth/register", body: Array("{}".utf8))) == "UNSUPPORTED_MEDIA_TYPE")
        for coding in ["gzip", "identity, gzip", "identityx"] {
            #expect(try await code(posting("{}", [.contentEncoding: coding])) == "UNSUPPORTED_MEDIA_TYPE")
        }
    }

    @Test(arguments: [
        "", " ", "{", "{}x", "[]", "\"text\"", "17", "null", #"{"a":1,"a":2}"#, #"{"a":"\uD800"}"#, #"{"a":"\uDC00\uD800"}"#, #"{a:1}"#, "\u{FEFF}{}",
        "{\"a\":\"\u{1}\"}", #"{"a":01}"#, #"{"a":NaN}"#,
    ])
    func `that is no JSON object is 400`(text: String) async throws {
        #expect(try await code(posting(text)) == "MALFORMED_REQUEST")
    }

    @Test func `that is not UTF-8 is 400`() async throws {
        let bytes = Array(#"{"a":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8)
        #expect(try await code(request(.post, "/api/v1/auth/register", [.contentType: "application/json"], body: bytes)) == "MALFORMED_REQUEST")
    }

    @Test func `over the limit is 413, announced or not`() async throws {
        let json = "{\"a\":\"\(String(repeating: "x", count: HTTPLimits.largestBodyBytes))\"}"
        #expect(try await code(posting(json)) == "PAYLOAD_TOO_LARGE")
        #expect(try await code(posting("{}", [.contentLength: String(HTTPLimits.largestBodyBytes + 1)])) == "PAYLOAD_TOO_LARGE")
        #expect(try await code(posting("{}", [.contentLength: "-1"])) == "MALFORMED_REQUEST")
    }

    @Test func `of exactly the limit is taken`() async throws {
        let json = "{\"a\":\"\(String(repeating: "x", count: HTTPLimits.largestBodyBytes - 8))\"}"
        #expect(json.utf8.count == HTTPLimits.largestBodyBytes)
        #expect(try await reading(posting(json)) { _ in }.status == 204)
    }

    @Test func `may be absent where the route says so`() async throws {
        let optional = responder(.register) { request, _ in
            let object = try await request.optionalJSONBody()
            return Answer.data { $0.bool(object != nil) }
        }
        #expect(try await optional.answer(request(.post, "/api/v1/auth/register")).json?["data"] == .bool(false))
        #expect(try await optional.answer(posting("{}")).json?["data"] == .bool(true))
        #expect(try await optional.answer(posting("x")).status == 400)
    }

    @Test(arguments: ["👩‍👩‍👧‍👦 \u{1F3F4}\u{E0067}\u{E0062}\u{E007F}", "שלום \u{202E}עולם", "e\u{301} é", "\u{FFFD}\u{10FFFF}"])
    func `keeps every text as it was written`(text: String) async throws {
        let json = JSONValue.object(["title": .string(text)]).serialized
        let answer = try await responder(.register) { request, _ in
            var fields = Fields(try await request.jsonBody())
            let title = fields.text("title", 1...100)
            try fields.finish()
            return Answer.data { $0.string(title) }
        }.answer(posting(json))
        #expect(Array(answer.json?["data"]?.text?.utf8 ?? "".utf8) == Array(text.utf8))
    }
}
