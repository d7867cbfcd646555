import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Processes
import Publishing
import Testing

@testable import AuthService
@testable import RelayService

/// An answer, read.
struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: JSONValue

    var data: JSONValue? { body["data"] }
    var code: String? { body["code"]?.text }
    var closure: String? { data?["closureId"]?.text }

    /// The names of the steps that are done.
    var done: [String] {
        guard case .array(let steps)? = data?["steps"] else { return [] }
        return steps.filter { $0["status"]?.text == "done" }.compactMap { $0["name"]?.text }
    }
}

/// Somebody signed in.
struct Person: Sendable {
    let id: UUID
    let token: String

    var stream: StreamName { StreamName(UserRules.category, id) }
}

extension Auth {
    func call(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, token: String? = nil, headers: HTTPFields = [:]) async throws
        -> Reply
    {
        var headers = headers
        if body != nil { headers[.contentType] = "application/json" }
        if let token { headers[.authorization] = "Bearer \(token)" }
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
        let response = try await responder.respond(to: request, context: CallContext(logger: logger, requestID: "", traceparent: ""))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return Reply(
            status: response.status.code, headers: response.headers,
            body: bytes.readableBytes == 0 ? .null : try JSONValue.parse(bytes.readableBytesView))
    }

    func close(_ person: Person, password: String = House.password, headers: HTTPFields = [:]) async throws -> Reply {
        try await call(.delete, "/api/v1/users/me", #"{"password":"\#(password)"}"#, token: person.token, headers: headers)
    }

    func closure(_ id: String?) async throws -> Reply {
        try await call(.get, "/api/v1/users/closures/\(id ?? "none")")
    }

    func logIn(_ name: String, password: String = House.password) async throws -> Reply {
        try await call(.post, "/api/v1/auth/login", #"{"email":"\#(name)@example.org","password":"\#(password)"}"#)
    }

    /// Registers somebody and signs them in.
    func person(_ name: String) async throws -> Person {
        let registered = try await call(
            .post, "/api/v1/auth/register", #"{"username":"\#(name)","email":"\#(name)@example.org","password":"\#(House.password)"}"#)
        #expect(registered.status == 201, "\(registered.body)")
        let login = try await logIn(name)
        return Person(
            id: try #require(registered.data?["id"]?.text.flatMap { UUID(lowercase: $0) }), token: try #require(login.data?["accessToken"]?.text))
    }
}

extension House {
    /// Drafts posts, straight in the log.
    @discardableResult
    func posts(_ count: Int, by person: Person) async throws -> [StreamName] {
        var streams: [StreamName] = []
        for number in 0..<count {
            let stream = StreamName(PostRules.category, .v7())
            let draft = PostCommand.draft(
                author: person.id, title: try Title("T"), slug: try Slug("\(person.id.lowercased)-\(number)"), content: try Content("c"),
                publish: number == 0)
            try await order(PostRules.self, draft, on: stream)
            streams.append(stream)
        }
        return streams
    }

    func order<Rules: StreamRules>(_ rules: Rules.Type, _ command: Rules.Command, on stream: StreamName) async throws {
        _ = try await CommandHandler<Rules>(store: log.store).handle(command, on: stream, in: .ofTheSystem())
    }

    /// An operator's command on an account.
    func administer(_ command: UserCommand, _ person: Person) async throws {
        _ = try await Administration(store: log.store).handle(command, on: person.id, by: .server, in: .ofTheSystem())
    }

    /// The types of a stream's events.
    func happened(_ stream: StreamName) async throws -> [String] { try await log.store.load(stream).events.map(\.type) }

    /// The requests that somebody's account be closed.
    func requests(of person: Person) async throws -> [RecordedEvent] {
        try await log.store.load(RequestedClosure.stream(of: person.id)).events
    }

    /// An operator's wish about somebody's closure, as `annals processes` appends it.
    func ask(_ wish: ProcessRequest, of person: Person) async throws {
        let journal = LogJournal(log.store)
        let state = try ProcessState(try await journal.load(person.id))
        let events = try ProcessRules(closing()).decide(wish, in: state, retryAt: .now)
        #expect(try await journal.append(events, to: person.id, after: state.version, cause: ProcessCause()))
    }

    /// Whether the vault still has somebody's key.
    func hasKey(_ person: Person) async throws -> Bool {
        try await log.valueInVault("SELECT wrapped IS NOT NULL FROM vault.data_keys WHERE subject = '\(person.id.lowercased)'") == "true"
    }
}
