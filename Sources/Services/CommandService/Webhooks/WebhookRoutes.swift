package import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI
package import WebhookDelivery

/// The secrets and address rules that webhooks are managed with.
package struct WebhookAccess: Sendable {
    let secrets: any SecretSealing
    let addresses: ReachableAddresses

    package init(secrets: any SecretSealing, addresses: ReachableAddresses) {
        self.secrets = secrets
        self.addresses = addresses
    }
}

/// Admins' commands on webhooks. They are events like all others; the relay carries them out.
struct WebhookRoutes: Sendable {
    /// How long earlier keys sign as well after a rotation.
    private static let rotation = Duration.seconds(86_400)

    let store: any EventStore
    let access: WebhookAccess
    let catalog: EventCatalog
    let identity: CommandIdentity

    private var webhooks: CommandHandler<WebhookRules> { CommandHandler(store: store) }

    func add(to routes: inout Routes) {
        routes.on(.createWebhook) { try await create($0, $1) }
        routes.on(.rotateWebhookSecret) { try await rotateSecret($0, $1) }

        routes.on(.testWebhook) { request, context in
            let body = try await request.emptyJSONBody()
            return try await handle(.test, request, context, body: body).response(.accepted)
        }

        routes.on(.replayWebhook) { request, context in
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let position = fields.optionalInteger("after", in: 0...Int64.max)
            if body["after"] == nil || body["after"] == .null { fields.refuse("after", "is required") }
            let after = try fields.finish(position)
            let head = try await store.head()
            guard after <= head else { throw Problem.positionAhead(of: head) }
            return try await handle(.replay(after: after), request, context, body: body).response(.accepted)
        }

        routes.on(.deleteWebhook) { request, context in
            let body = try await request.emptyJSONBody()
            return Answer.noContent(headers: try await handle(.delete, request, context, body: body).headers)
        }

        routes.on(.endWebhook) { request, context in
            let body = try await request.emptyJSONBody()
            return try await webhooks.handle(.end, on: context.webhook, in: try identity.command(request, context, body: body)).response()
        }
    }

    private func handle(
        _ command: WebhookCommand, _ request: Request, _ context: CallContext, body: JSONObject
    ) async throws -> CommandResult<WebhookRules> {
        try await webhooks.handle(
            command, on: context.webhook, in: try identity.command(request, context, by: try context.signedIn(), body: body))
    }

    private func create(_ request: Request, _ context: CallContext) async throws -> Response {
        let body = try await request.jsonBody()
        var fields = Fields(body)
        let givenURL = fields.required("url", as: WebhookURL.self)
        if let objection = givenURL.flatMap(access.addresses.objection) { fields.refuse("url", objection) }
        let types = fields.words("types", of: WebhookRules.subscribableTypes(of: catalog))
        let secret = fields.optional("secret", as: WebhookSecret.self)
        let url = try fields.finish(givenURL)

        var command = try identity.command(request, context, by: try context.signedIn(), body: body)
        command.expected = .new
        let id = UUID.v7()
        // A repeat gets the first answer, so it needs no keys.
        let isRepeat = try await store.receipt(of: command) != nil
        let keys = isRepeat ? WebhookKeys(sealed: "", publicKey: "") : try await sealedKeys(secret, for: id)
        let created = try await webhooks.handle(.create(url: url, types: types, keys: keys), on: StreamName(WebhookRules.category, id), in: command)
        let secretText = try await secretText(of: created)
        return created.response(.created, location: Endpoint.listWebhooks.path() + "/" + created.stream.id.lowercased) { writer, created in
            writer.member("url", created.state.webhook?.url.value)
            writer.member("types", created.state.webhook?.types ?? [])
            writer.member("secret", secretText)
            writer.member("publicKey", created.state.webhook?.keys.publicKey)
        }
    }

    private func rotateSecret(_ request: Request, _ context: CallContext) async throws -> Response {
        let body = try await request.optionalJSONBody() ?? [:]
        var fields = Fields(body)
        let secret = fields.optional("secret", as: WebhookSecret.self)
        try fields.finish()
        let webhook = try context.webhook
        // Nothing is sealed for a webhook that is not there.
        guard try await !store.read(StreamRead(webhook), limit: 1).isEmpty else { throw Problem.notFound() }
        let rotation = WebhookCommand.rotateSecret(
            keys: try await sealedKeys(secret, for: webhook.id), earlierUntil: .now.advanced(by: Self.rotation))
        let rotated = try await handle(rotation, request, context, body: body)
        let secretText = try await secretText(of: rotated)
        return rotated.response { writer, rotated in
            writer.member("secret", secretText)
            writer.member("publicKey", rotated.state.webhook?.keys.publicKey)
            writer.member("earlierUntil", rotated.state.webhook?.earlierKeys.last?.until)
        }
    }

    private func sealedKeys(_ secret: WebhookSecret?, for webhook: UUID) async throws -> WebhookKeys {
        let keys = WebhookSigningKeys(secret: secret)
        return WebhookKeys(sealed: try await access.secrets.seal(keys.bytes, for: webhook), publicKey: keys.publicKeyText)
    }

    /// Told twice only to a repeat of the same command.
    private func secretText(of result: CommandResult<WebhookRules>) async throws -> String? {
        guard let sealed = result.state.webhook?.keys.sealed else { return nil }
        return try await access.secrets.open(sealed, for: result.stream.id).flatMap { WebhookSigningKeys(bytes: $0) }?.secretText
    }
}

extension CallContext {
    /// The stream of the webhook that the path names.
    var webhook: StreamName {
        get throws(Problem) { StreamName(WebhookRules.category, try id()) }
    }
}
