import EventSourcing
import FoundationEssentials
import Publishing
import Testing

@Suite struct `A webhook by its rules` {
    private static let keys = WebhookKeys(sealed: "box", publicKey: "whpk_A")
    private static let others = WebhookKeys(sealed: "box 2", publicKey: "whpk_B")
    private static let created = WebhookEvent.created(url: .known("https://a.example/"), types: ["PostPublished"], keys: keys)

    private func decide(_ command: WebhookCommand, after events: [WebhookEvent]) throws(WebhookRefusal) -> [WebhookEvent] {
        try WebhookRules.decide(command, in: WebhookRules.fold(events))
    }

    @Test func `is created once`() throws {
        let create = WebhookCommand.create(url: try WebhookURL("https://a.example/"), types: ["PostPublished"], keys: Self.keys)
        #expect(try decide(create, after: []) == [Self.created])
        #expect(throws: WebhookRefusal.alreadyCreated) { try decide(create, after: [Self.created]) }
        #expect(throws: WebhookRefusal.alreadyCreated) { try decide(create, after: [Self.created, .deleted]) }
    }

    @Test func `keeps the earlier keys until their end when they are rotated`() {
        let state = WebhookRules.fold([Self.created, .secretRotated(keys: Self.others, earlierUntil: Sample.time)])
        #expect(state.webhook?.keys == Self.others && state.webhook?.earlierKeys == [.init(keys: Self.keys, until: Sample.time)])
    }

    @Test(arguments: [WebhookCommand.test, .replay(after: 0), .rotateSecret(keys: others, earlierUntil: Sample.time)])
    func `takes orders only while it is active`(command: WebhookCommand) throws {
        #expect(try decide(command, after: [Self.created]).count == 1)
        #expect(throws: WebhookRefusal.ended) { try decide(command, after: [Self.created, .ended]) }
        #expect(throws: WebhookRefusal.notFound) { try decide(command, after: [Self.created, .deleted]) }
        #expect(throws: WebhookRefusal.notFound) { try decide(command, after: []) }
    }

    @Test func `ends once, and can be deleted then`() throws {
        #expect(try decide(.end, after: [Self.created]) == [.ended])
        #expect(try decide(.end, after: [Self.created, .ended]) == [])
        #expect(try decide(.end, after: [Self.created, .deleted]) == [])
        #expect(try decide(.delete, after: [Self.created, .ended]) == [.deleted])
        #expect(throws: WebhookRefusal.notFound) { try decide(.delete, after: [Self.created, .deleted]) }
        #expect(throws: WebhookRefusal.notFound) { try decide(.end, after: []) }
    }

    @Test func `can't subscribe to events of webhooks`() {
        let types = WebhookRules.subscribableTypes(of: .publishing)
        #expect(types.contains("PostPublished") && types.contains("UserClosed") && !types.contains { $0.hasPrefix("Webhook") })
    }
}
