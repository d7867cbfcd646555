import EventSourcing
import HTTPContract
import Hummingbird
import Publishing

/// What users change of themselves.
struct ProfileRoutes: Sendable {
    let store: any EventStore
    let users: CommandHandler<UserRules>
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.patch, "/api/v1/users/me") { request, context in
            let user = try context.signedIn()
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let change = UserChange(
                username: fields.optionalText("username", 3...30, matching: .username).flatMap { Username($0) },
                email: fields.optionalText("email", 3...254, matching: .email).flatMap { EmailAddress($0) },
                displayName: fields.optionalText("displayName", 0...100, matching: .line, nullable: true),
                bio: fields.optionalText("bio", 0...2000, matching: .prose, nullable: true))
            try fields.finish()
            let account = StreamName(UserRules.category, user.id)
            do {
                return try await users.handle(.change(change), on: account, as: try identity.call(request, context, by: user, body: body)).answer()
            } catch CommandFailure.claimTaken(let kind) {
                let taken = try await store.taken(username: change.username, email: change.email, besides: account)
                // By now it may be free again: then the next try goes through.
                throw taken.isEmpty ? Problem.duplicate(field: kind.rawValue) : .duplicate(taken)
            }
        }
    }
}
