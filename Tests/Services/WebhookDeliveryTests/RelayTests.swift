import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Publishing
import Synchronization
import TestSupport
import Testing
import Vault
import WebhookDelivery

@Suite(.timeLimit(.minutes(5))) struct `The relay of webhooks` {
    /// Runs it until it is so.
    private func run(_ outbox: Outbox, until isSo: @escaping @Sendable () async throws -> Bool) async throws {
        let relay = WebhookRelay(outbox.means, logger: TestCluster.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            group.addTask {
                try await eventually { try await isSo() }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        await relay.release()
    }

    @Test func `says how much waits in all and at most, and nothing of a webhook that is no more, nor once it has stopped`() async throws {
        try await Outbox.open { outbox in
            let webhooks = [try await outbox.webhook(["PostDrafted"]), try await outbox.webhook()]
            outbox.receiver.answer { _ in .init(status: 500) }
            _ = try await outbox.post(edits: 1)
            try await run(outbox) {
                let summary = outbox.means.pending.summary
                return summary?.total == 3 && summary?.most == 2
            }
            #expect(outbox.means.pending.summary == nil)
            try await outbox.handle(.delete, on: webhooks[1])
            try await run(outbox) {
                let summary = outbox.means.pending.summary
                return summary?.total == 1 && summary?.most == 1
            }
            for webhook in webhooks { try await outbox.settle(webhook) }
            #expect(outbox.means.pending.summary?.total == 1)
            try await outbox.handle(.delete, on: webhooks[0])
            try await outbox.settle(webhooks[0])
            #expect(outbox.means.pending.summary == nil)
        }
    }

    @Test func `delivers what happens while it runs and while it did not, in order`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let first = try await outbox.post(edits: 3)
            try await run(outbox) { outbox.receiver.calls.count >= 4 }
            let second = try await outbox.post(edits: 3)
            try await run(outbox) {
                try await outbox.deliveries(of: webhook).filter { $0.state == .delivered }.count == 8
            }
            let (firstEvents, secondEvents) = (try await outbox.events(of: first), try await outbox.events(of: second))
            // One that was under way at the stop may have come twice, under the same id.
            var seen: [String] = []
            for id in outbox.receiver.calls.map(\.id) where !seen.contains(id) { seen.append(id) }
            #expect(seen == firstEvents + secondEvents)
        }
    }

    @Test func `goes on with other posts and other webhooks while an answer does not come`() async throws {
        try await Outbox.open { outbox in
            try await Receiver.with { other in
                let slow = try await outbox.webhook()
                let quick = try await outbox.webhook(url: "http://127.0.0.1:\(other.port)/hook")
                let unanswered = try await outbox.events(of: try await outbox.post(edits: 1))
                outbox.receiver.answer { Receiver.Answer(status: unanswered.contains($0.id) ? nil : 204) }
                let made = Mutex<[String]>([])
                try await run(outbox) {
                    guard outbox.receiver.calls.contains(where: { $0.id == unanswered[0] }) else { return false }
                    if made.withLock(\.isEmpty) {
                        let later = try await outbox.events(of: try await outbox.post(edits: 3))
                        made.withLock { $0 = later }
                    }
                    let isElsewhere = try await outbox.deliveries(of: quick).filter { $0.state == .delivered }.count == 6
                    return try await outbox.deliveries(of: slow).filter { $0.state == .delivered }.count == 4 && isElsewhere
                }
                let later = made.withLock { $0 }
                #expect(outbox.receiver.calls.map(\.id).filter(later.contains) == later)
                // It was not given up meanwhile: it is still waited for.
                let first = try #require(try await outbox.deliveries(of: slow).first)
                #expect(first.state == .pending && first.attempts == 0)
                #expect(!outbox.receiver.calls.contains { $0.id == unanswered[1] })
            }
        }
    }

    @Test func `carries a replay out when what is under way is over, and delivers in order again`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let events = try await outbox.events(of: try await outbox.post(edits: 2))
            let isReplayed = Mutex(false)
            let hasFailed = Mutex(false)
            outbox.receiver.answer { call in
                guard call.id == events[1] else { return Receiver.Answer() }
                // The second event fails once. It would be tried again later than the clock, which stands, ever says.
                return hasFailed.withLock { hasFailed in
                    defer { hasFailed = true }
                    return Receiver.Answer(status: hasFailed ? 204 : 500)
                }
            }
            try await run(outbox) {
                guard outbox.receiver.calls.contains(where: { $0.id == events[1] }) else { return false }
                if !isReplayed.withLock({ $0 }) {
                    isReplayed.withLock { $0 = true }
                    try await outbox.handle(.replay(after: 0), on: webhook)
                }
                return try await outbox.deliveries(of: webhook).filter { $0.state == .delivered }.count == 3
            }
            #expect(outbox.receiver.calls.map(\.id).suffix(3) == events[...])
        }
    }

    @Test func `delivers nothing to one that was deleted long ago, however much was asked of it before`() async throws {
        try await Outbox.open { outbox in
            try await Receiver.with { other in
                let deleted = try await outbox.webhook()
                _ = try await outbox.post()
                // More than a page of the log has.
                let events = Array(repeating: WebhookRules.encode(.tested), count: 3000) + [WebhookRules.encode(.deleted)]
                let append = StreamAppend(events, to: StreamName(WebhookRules.category, deleted), expecting: .any, sealedFor: nil)
                _ = try await outbox.log.store.append(
                    AppendRequest([append], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
                _ = try await outbox.webhook(url: "http://127.0.0.1:\(other.port)/hook")
                _ = try await outbox.post()
                try await run(outbox) { other.calls.count == 1 }
                #expect(outbox.receiver.calls.isEmpty)
            }
        }
    }

    @Test func `takes up a webhook that is created while it runs`() async throws {
        try await Outbox.open { outbox in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await run(outbox) { !outbox.receiver.calls.isEmpty } }
                _ = try await outbox.webhook()
                _ = try await outbox.post()
                try await group.waitForAll()
            }
            #expect(outbox.receiver.calls.count == 1)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The libraries of Standard Webhooks and of Svix` {
    @Test func `accept what is delivered, by the new secret and by the earlier one while it rotates`() async throws {
        try await Outbox.open { outbox in
            let (old, new) = (WebhookSigningKeys(), WebhookSigningKeys())
            let webhook = try await outbox.webhook(keys: old)
            _ = try await outbox.post()
            try await outbox.settle(webhook)
            let sealed = WebhookKeys(sealed: try await outbox.log.vault.seal(new.bytes, for: webhook), publicKey: new.publicKeyText)
            try await outbox.handle(.rotateSecret(keys: sealed, earlierUntil: outbox.clock.now.advanced(by: .seconds(60))), on: webhook)
            _ = try await outbox.post()
            try await outbox.settle(webhook)
            outbox.clock.move(by: .seconds(61))
            _ = try await outbox.post()
            try await outbox.settle(webhook)

            let calls = outbox.receiver.calls
            #expect(calls.map(\.signatures.count) == [2, 4, 2])
            let lines = [(calls[0], old), (calls[1], new), (calls[1].keepingLast(2), old), (calls[2], new)].map { call, keys in call.line(keys) }
            let accepted = try await Self.verify(lines.joined(separator: "\n"))
            #expect(accepted == [calls[0].id, calls[1].id, calls[1].id, calls[2].id])
        }
    }

    private static func verify(_ lines: String) async throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("deliveries-" + UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try lines.write(toFile: path, atomically: false, encoding: .utf8)
        let tests = repositoryRoot + "/Tests"
        let said = try await ChildProgram.run(["\(tests)/python", "\(tests)/Services/WebhookDeliveryTests/Receivers", "verify.py", path])
        try #require(said.end == .exit(0), "\(said.errors)")
        return said.output.split(separator: "\n").map(String.init)
    }
}

extension Receiver.Call {
    /// The input of the script.
    fileprivate func line(_ keys: WebhookSigningKeys) -> String {
        let headers = self.headers.reduce(into: JSONObject()) { $0[$1.name] = .string($1.value) }
        return JSONValue.object([
            "secret": .string(keys.secretText), "publicKey": .string(keys.publicKeyText), "headers": .object(headers), "body": .string(body),
        ]).serialized
    }

    /// The call as one sees it who looks for an earlier key's `v1a` signature.
    fileprivate func keepingLast(_ count: Int) -> Receiver.Call {
        var headers = self.headers
        headers.replaceOrAdd(name: "webhook-signature", value: signatures.suffix(count).joined(separator: " "))
        return Receiver.Call(headers: headers, body: body)
    }
}
