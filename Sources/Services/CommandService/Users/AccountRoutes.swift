import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// The auth service's calls about accounts: it keeps the passwords, the log keeps the users.
struct AccountRoutes: Sendable {
    let store: any EventStore
    let users: CommandHandler<UserRules>
    let keys: any PersonalKeys
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.registerUser) { request, context in
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let idText = fields.text("id", 1...64)
            let givenID = UUID(lowercase: idText)
            if givenID == nil, !idText.isEmpty { fields.refuse("id", "must be a UUID in lower case") }
            let givenUsername = fields.required("username", as: Username.self)
            let givenEmail = fields.required("email", as: Email.self)
            _ = fields.optionalText("requestDigest", 1...128)
            let (id, username, email) = try fields.finish(givenID, givenUsername, givenEmail)

            // The id is made anew for each try of the same registration, so it does not belong to what makes two of them equal.
            var command = try identity.command(request, context, body: body.without("id"))
            command.expected = .new
            // The key must be durable before anything is sealed with it. Looks up taken names before it makes the key, so that a refused registration
            // leaves no key behind. Looks them up before the receipt, so that a concurrent equal request is recognized as this one.
            let taken = try await store.taken(username: username, email: email)
            if try await store.receipt(of: command) == nil {
                if let taken { throw Problem.duplicate(field: taken.rawValue) }
                try await keys.createKey(for: id)
            }
            let handled = try await users.handle(
                .register(username: username, email: email, role: .user), on: StreamName(UserRules.category, id), in: command)
            return account(
                handled.stream, handled.state, version: handled.version, createdAt: handled.createdAt, status: .created, headers: handled.headers)
        }

        routes.on(.registeredUser) { _, context in
            let stream = StreamName(UserRules.category, try context.id())
            let user = try FoldedStream<UserRules>(try await store.events(deciding: UserRules.decisive, of: stream))
            guard user.version > 0 else { throw Problem.notFound() }
            return account(stream, user.state, version: user.version, createdAt: user.createdAt, status: .ok, headers: [:])
        }
    }

    private func account(
        _ stream: StreamName, _ state: UserState, version: Int, createdAt: Timestamp?, status: HTTPResponse.Status, headers: HTTPFields
    ) -> Response {
        let account = state.account
        var user = UserDocument(id: stream.id, username: account?.username.value, role: account?.role.rawValue, createdAt: createdAt)
        user.displayName = account?.displayName.value.flatMap { $0.isEmpty ? nil : $0 }
        user.status = state.statusName
        user.version = version
        return Answer.data(status, headers: headers) { user.write([.displayName, .status, .version], to: &$0) }
    }
}

extension UserState {
    /// The status as answers name it.
    var statusName: String {
        switch self {
        case .unregistered: "unregistered"
        case .open(let account):
            switch account.status {
            case .active: "active"
            case .deactivated: "deactivated"
            }
        case .closed: "closed"
        }
    }
}

/// A user's changes to their own account.
struct ProfileRoutes: Sendable {
    let store: any EventStore
    let users: CommandHandler<UserRules>
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.updateCurrentUser) { request, context in
            let user = try context.signedIn()
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let change = UserChange(
                username: fields.optional("username"), email: fields.optional("email"), displayName: fields.clearable("displayName"),
                bio: fields.clearable("bio"))
            try fields.finish()
            let account = StreamName(UserRules.category, user.id)
            do {
                var response = try await users.handle(.change(change), on: account, in: try identity.command(request, context, by: user, body: body))
                    .response()
                if change.username != nil || change.email != nil { response.headers[.claimed] = "1" }
                return response
            } catch CommandFailure.claimTaken(let kind) {
                // By now it may be free again: then the next try goes through.
                let taken = try await store.taken(username: change.username, email: change.email, besides: account) ?? kind
                throw Problem.duplicate(field: taken.rawValue)
            }
        }
    }
}

extension EventStore {
    /// The first of these values that another account holds. Only one is told, so that a probe costs a call for each. Only for the words of a
    /// refusal: the append decides.
    /// - Parameter own: the stream whose own values don't count.
    func taken(username: Username?, email: Email?, besides own: StreamName? = nil) async throws -> ClaimKind? {
        for (kind, value) in [(ClaimKind.username, username?.text), (ClaimKind.email, email?.comparable)] {
            if let value, let holder = try await holder(of: kind, value: value), holder != own { return kind }
        }
        return nil
    }
}
