import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing

/// Tells which command a request is, so that its repeat is known as one.
struct CommandIdentity: Sendable {
    let hasher: any KeyedHasher

    /// The command that a request gives. With an `Idempotency-Key` the command's id is the keyed hash of the key's owner and the key, and its digest
    /// that of method, path and body, however the body's JSON is written; without one nobody can name it again. Parameters in the query are 422:
    /// nothing in a command comes from there.
    func command(_ request: Request, _ context: CallContext, body: JSONObject = [:], claims: [ClaimChange] = []) throws(Problem) -> CommandContext {
        try request.refuseParameters()
        let owner = context.keyOwner(of: request)
        let key = try Preconditions.idempotencyKey(request).map { name in
            let digest = hasher.hash(["request", request.method.rawValue, request.uri.path, JSONValue.object(body).sortedByName.serialized])
            let scope = owner == CallContext.anonymousKeyOwner ? [Base64URL.encode(digest)] : []
            return CommandReceipt.Key(id: UUID(hash: hasher.hash(["command", owner, name] + scope)), digest: digest)
        }
        let command = key ?? .unrepeated()
        return CommandContext(
            key: command, isRepeatable: key != nil,
            metadata: EventMetadata(
                actor: context.user?.id, command: command.id, correlation: hasher.kept(requestID: context.requestID),
                traceparent: context.traceparent, origin: try origin(of: request, context)),
            expected: try Preconditions.expectation(request), claims: claims)
    }

    /// The command of a signed-in user, whose account must be active when the events are appended, whatever their token says.
    func command(_ request: Request, _ context: CallContext, by user: SignedInUser, body: JSONObject = [:]) throws(Problem) -> CommandContext {
        try command(request, context, body: body, claims: [.requireActive(user.id)])
    }

    /// Where an import says that the content comes from. Nobody but the operator is believed: it would keep others' posts from being imported.
    private func origin(of request: Request, _ context: CallContext) throws(Problem) -> ImportOrigin? {
        guard let text = request.header(.importOrigin)?.string, let user = context.user, user.isOperator else { return nil }
        guard let origin = ImportOrigin(text) else { throw .malformed("Import-Origin has another form.") }
        return origin
    }
}

extension Actor {
    init(_ user: SignedInUser) {
        switch user.role {
        case .user: self.init(id: user.id, role: .user)
        case .admin: self.init(id: user.id, role: .admin)
        }
    }
}

extension JSONObject {
    /// A body without a member that does not count for whether two requests are equal.
    func without(_ name: String) -> JSONObject {
        var object = self
        object[name] = nil
        return object
    }
}

extension CommandResult {
    /// The headers that every successful command answers with.
    var headers: HTTPFields {
        var headers = HTTPFields()
        headers.setETag(version: version)
        headers.setPosition(position)
        if isReplay { headers.markReplayed() }
        return headers
    }

    /// The response to a command on one entity: its id and version, and what else `write` adds.
    func response(_ status: HTTPResponse.Status = .ok, location: String? = nil, _ write: (inout JSONWriter, Self) -> Void = { _, _ in }) -> Response {
        var headers = headers
        if let location { headers[.location] = location }
        return Answer.data(status, headers: headers) { writer in
            writer.object {
                $0.name("id")
                $0.string(stream.id.lowercased)
                write(&$0, self)
                $0.name("version")
                $0.integer(version)
            }
        }
    }
}

extension EventStore {
    /// Waits for the position that the request names, if any. The log is never behind what it has answered, so this waits only for a position that
    /// somebody made up or got elsewhere.
    func waitForPosition(_ request: Request) async throws {
        guard let wait = try Preconditions.waitForPosition(request), try await head() < wait.position else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await waitForEvents(after: wait.position - 1) }
            group.addTask { try await Task.sleep(for: wait.timeout) }
            try await group.next()
            group.cancelAll()
        }
        let head = try await head()
        guard head >= wait.position else { throw Problem.readModelBehind(position: head) }
    }
}
