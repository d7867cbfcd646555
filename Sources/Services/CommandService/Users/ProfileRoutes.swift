import AccessTokens
import EventSourcing
import HTTPContract
import Hummingbird
import Publishing
import PublishingAPI

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
                return try await users.handle(.change(change), on: account, in: try identity.command(request, context, by: user, body: body))
                    .response()
            } catch CommandFailure.claimTaken(let kind) {
                // By now it may be free again: then the next try goes through.
                let taken = try await store.taken(username: change.username, email: change.email, besides: account) ?? kind
                throw Problem.duplicate(field: taken.rawValue)
            }
        }
    }
}
