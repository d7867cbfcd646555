import Crypto
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `An answer` {
    @Test func `wraps its value in data`() async throws {
        var headers: HTTPFields = [.location: "/x"]
        headers.setETag(version: 3)
        headers.setPosition(17)
        headers.markReplayed()
        let answer = try await Answered(
            Answer.data(.created, headers: headers) {
                $0.object {
                    $0.name("id"); $0.string("x")
                }
            })
        #expect(answer.status == 201 && String(decoding: answer.bytes, as: UTF8.self) == #"{"data":{"id":"x"}}"#)
        #expect(answer.headers[.contentType] == "application/json" && answer.headers[.contentLength] == String(answer.bytes.count))
        #expect(answer.headers[.eTag] == "\"3\"" && answer.headers[.position] == "17" && answer.headers[.idempotencyReplayed] == "true")
    }

    @Test func `of a list says where in it the caller is`() async throws {
        let answer = try await Answered(
            Answer.list(Pagination(limit: 2, total: 5, page: 1, nextCursor: "c")) {
                $0.integer(1)
                $0.integer(2)
            })
        #expect(
            String(decoding: answer.bytes, as: UTF8.self) == #"{"data":[1,2],"pagination":{"limit":2,"total":5,"page":1,"pages":3,"nextCursor":"c"}}"#
        )
        let last = try await Answered(Answer.list(Pagination(limit: 2, total: 0)) { _ in })
        #expect(String(decoding: last.bytes, as: UTF8.self) == #"{"data":[],"pagination":{"limit":2,"total":0}}"#)
    }

    @Test func `without a body announces no length`() {
        #expect(Answer.noContent().headers[.contentLength] == nil)
        #expect(Answer.notModified(headers: [.eTag: "\"1\""]).headers[.eTag] == "\"1\"")
    }

    @Test func `has an entity tag of its version and a digest of its body`() {
        let body = Array("hello".utf8)
        let digest = SHA256.hash(data: body).prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(entityTag(version: 5, body: body) == "W/\"5.\(digest)\"")
        #expect(entityTag(listBody: body) == "W/\"\(digest)\"")
        #expect(entityTag(listBody: Array("hehehello".utf8), excluding: [0..<2, 2..<4]) == "W/\"\(digest)\"")
    }
}
