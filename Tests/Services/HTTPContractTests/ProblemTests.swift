import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A problem` {
    /// The table of the HTTP contract.
    static let table: [(Problem.Code, Int)] = [
        (.malformedRequest, 400), (.foreignKeyViolation, 400), (.unauthenticated, 401), (.forbidden, 403), (.notFound, 404), (.methodNotAllowed, 405),
        (.duplicateEntry, 409), (.conflict, 409), (.positionAhead, 409), (.preconditionFailed, 412), (.payloadTooLarge, 413),
        (.unsupportedMediaType, 415),
        (.requestTimeout, 408), (.targetTooLong, 414), (.headTooLarge, 431), (.notImplemented, 501),
        (.validationError, 422),
        (.idempotencyKeyReused, 422), (.rateLimited, 429), (.internalError, 500), (.badUpstream, 502),
        (.unavailable, 503), (.readModelBehind, 503), (.timeout, 504),
    ]

    @Test(arguments: table) func `has the contract's status for its code`(row: (Problem.Code, Int)) {
        #expect(row.0.status.code == row.1)
    }

    @Test func `has a code in the contract's table for every case`() {
        #expect(Set(Self.table.map(\.0)) == Set(Problem.Code.allCases))
        #expect(Set(Problem.Code.allCases.map(\.type)).count == Problem.Code.allCases.count)
    }

    @Test func `is rendered as RFC 9457 asks`() async throws {
        let answer = try await responder { _, _ in throw Problem.duplicate(field: "email") }.answer(
            request(.get, "/api/v1/posts?page=2", [.requestID: "call-1"]))
        #expect(answer.status == 409)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(
            answer.json
                == .object([
                    "type": .string("urn:annals:problem:duplicate-entry"), "title": .string("Already taken"), "status": .integer(409),
                    "detail": .string("This email is taken."), "instance": .string("/api/v1/posts"), "code": .string("DUPLICATE_ENTRY"),
                    "requestId": .string("call-1"), "details": .array([.object(["field": .string("email"), "message": .string("is taken")])]),
                ]))
    }

    @Test func `has no details where no field is to blame`() async throws {
        let answer = try await responder { _, _ in throw Problem.notFound() }.answer(request(.get, "/api/v1/posts"))
        #expect(answer.json?["details"] == nil)
    }

    @Test(arguments: [
        Problem.rateLimited(policy: "default", retryAfter: 7), .unavailable(retryAfter: 7), .readModelBehind(position: 3, retryAfter: 7),
    ])
    func `that passes by itself says when to come back`(problem: Problem) {
        #expect(problem.headers[.retryAfter] == "7")
    }

    @Test func `of missing credentials carries the challenge`() {
        #expect(Problem.unauthenticated().headers[.wwwAuthenticate] == "Bearer")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `An error that a handler throws` {
    private struct DatabaseError: Error {
        let message = "relation \"users\" does not exist"
    }

    @Test func `is 500 without a word of it in the body, and whole in the log`() async throws {
        let log = SpokenLog()
        let answer = try await responder(logger: log.logger) { _, _ in throw DatabaseError() }.answer(
            request(.get, "/api/v1/posts", [.requestID: "0198a3c4-0000-7000-8000-000000000002"]))
        #expect(answer.status == 500 && answer.code == "INTERNAL_ERROR")
        #expect(!String(decoding: answer.bytes, as: UTF8.self).contains("users"))
        #expect(log.text.contains("relation") && log.text.contains("0198a3c4-0000-7000-8000-000000000002"))
    }

    @Test func `is what the service's own mapping says`() async throws {
        let mapped = responder(mapping: { $0 is DatabaseError ? .unavailable(retryAfter: 3) : nil }) { _, _ in throw DatabaseError() }
        let answer = try await mapped.answer(request(.get, "/api/v1/posts"))
        #expect(answer.status == 503 && answer.headers[.retryAfter] == "3")
    }

    @Test func `is 503 when the log is away or the call was given up`() async throws {
        for error in [EventStoreError.unavailable(reason: "x"), CancellationError()] as [any Error] {
            let answer = try await responder { _, _ in throw error }.answer(request(.get, "/api/v1/posts"))
            #expect(answer.code == "UNAVAILABLE" && answer.headers[.retryAfter] != nil)
        }
    }

    @Test func `is 504 when nobody knows whether the log has taken a command`() async throws {
        let answer = try await responder { _, _ in throw EventStoreError.outcomeUnknown }.answer(request(.get, "/api/v1/posts"))
        #expect(answer.status == 504 && answer.code == "TIMEOUT")
        #expect(answer.json?["detail"]?.text?.contains("repeat it with the same Idempotency-Key") == true)
    }

    @Test func `is 503 when a database refuses, and the statement is in the log`() async throws {
        let log = SpokenLog()
        let answer = try await responder(logger: log.logger) { _, _ in
            throw EventStoreError.refused(statement: "log_load", reason: "PostgresError(server 42501)")
        }.answer(request(.get, "/api/v1/posts", [.requestID: "0198a3c4-0000-7000-8000-000000000003"]))
        #expect(answer.code == "UNAVAILABLE")
        #expect(log.text.contains("log_load") && log.text.contains("42501") && log.text.contains("0198a3c4-0000-7000-8000-000000000003"))
    }

    @Test func `is logged when the log is broken`() async throws {
        let answer = try await responder { _, _ in throw EventStoreError.broken(reason: "x") }.answer(request(.get, "/api/v1/posts"))
        #expect(answer.status == 500)
    }

    @Test func `of the library below is told in our words`() async throws {
        let cases: [(any Error, Int)] = [
            (NIOTooManyBytesError(maxBytes: 3), 413), (HTTPError(.badRequest, message: "x"), 400), (HTTPError(.conflict), 500),
        ]
        for (error, status) in cases {
            let answer = try await responder { _, _ in throw error }.answer(request(.get, "/api/v1/posts"))
            #expect(answer.status == status)
            #expect(answer.headers[.contentType] == "application/problem+json")
        }
    }
}
