import Crypto
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A call's ids` {
    private static let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private func answered(_ headers: HTTPFields) async throws -> HTTPFields {
        try await responder { _, _ in Answer.noContent() }.answer(request(.get, "/api/v1/posts", headers)).headers
    }

    @Test func `are taken and returned`() async throws {
        let headers = try await answered([.requestID: "abc-123", .traceparent: Self.traceparent])
        #expect(headers[.requestID] == "abc-123")
        #expect(headers[.traceparent] == Self.traceparent)
    }

    @Test func `are made when absent, new ones each time`() async throws {
        let (first, second) = (try await answered([:]), try await answered([:]))
        #expect(first[.requestID]?.count == 36 && first[.requestID] != second[.requestID])
        #expect(RequestIdentity.isTraceparent(first[.traceparent] ?? "") && first[.traceparent] != second[.traceparent])
    }

    @Test func `are returned with failures too`() async throws {
        let answer = try await responder { _, _ in Answer.noContent() }.answer(request(.get, "/nothing", [.requestID: "abc"]))
        #expect(answer.headers[.requestID] == "abc" && answer.json?["requestId"]?.text == "abc")
    }

    @Test(arguments: ["", "with space", "snowman-☃", String(repeating: "x", count: 129)])
    func `are replaced when the request id is not well-formed`(id: String) async throws {
        #expect(try await answered([.requestID: id])[.requestID] != id)
    }

    @Test(arguments: [
        "", "00", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
    ])
    func `are replaced when the trace context is not well-formed`(text: String) {
        #expect(!RequestIdentity.isTraceparent(text))
    }

    @Test func `may come from a later version of the trace context`() {
        #expect(RequestIdentity.isTraceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"))
        #expect(!RequestIdentity.isTraceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more"))
    }

    @Test func `are, of a later trace context, what this version knows`() async throws {
        let given = "01\(Self.traceparent.dropFirst(2))-and-more"
        #expect(try await answered([.traceparent: given])[.traceparent] == Self.traceparent)
    }

    @Test func `stay what the first responder of a process made them`() async throws {
        var context = freshContext()
        context.identify(by: request(.get, "/", [.requestID: "outer"]))
        let answer = try await responder { _, _ in Answer.noContent() }.answer(
            request(.get, "/api/v1/posts", [.requestID: "inner"]), context: context)
        #expect(answer.headers[.requestID] == "outer")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A request's id that is kept` {
    @Test(arguments: ["0198a3c4-0000-7000-8000-00000000abcd", "0198A3C4-0000-7000-8000-00000000ABCD", "0af7651916cd43dd8448eb211c80319c"])
    func `is itself when it can only be an id`(id: String) {
        #expect(Hasher().kept(requestID: id) == id)
    }

    @Test(arguments: [
        "ann@example.org", "", "request-7", "4111111111111111", "0198a3c4-0000-7000-8000-00000000abcg", "0198a3c4x0000-7000-8000-00000000abcd",
        "0af7651916cd43dd8448eb211c80319cc", "ann-smith@an-example-of-a-domain.org",
    ])
    func `is a hash otherwise, and the hash of a hash is itself`(id: String) {
        let kept = Hasher().kept(requestID: id)
        #expect(kept != id && kept.count == 32)
        #expect(Hasher().kept(requestID: kept) == kept)
        #expect(kept != Hasher().kept(requestID: id + "x"))
    }

    private struct Hasher: KeyedHasher {
        func hash(_ parts: [String]) -> [UInt8] {
            Array(HMAC<SHA256>.authenticationCode(for: Array(parts.joined(separator: "\0").utf8), using: SymmetricKey(data: [7])))
        }
    }
}
