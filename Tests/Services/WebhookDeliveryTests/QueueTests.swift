import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON
import NIOHTTP1
import Publishing
import Synchronization
import TestSupport
import Testing
import Vault
import WebhookDelivery

@Suite(.timeLimit(.minutes(5))) struct `A webhook` {
    @Test func `gets the events of its types as CloudEvents under their own ids`() async throws {
        try await Outbox.open { outbox in
            _ = try await outbox.post()
            let webhook = try await outbox.webhook(["PostDrafted"])
            let post = try await outbox.post(edits: 1)
            try await outbox.settle(webhook)

            let drafted = try #require(try await outbox.events(of: post).first)
            #expect(outbox.receiver.calls.map(\.id) == [drafted])
            let call = try #require(outbox.receiver.calls.first)
            #expect(call.headers.first(name: "content-type") == "application/cloudevents+json")
            #expect(call.headers.first(name: "webhook-timestamp") == "\(outbox.clock.now.milliseconds / 1000)")
            let event = try JSONValue.parse(Array(call.body.utf8))
            #expect(event["id"]?.text == drafted && event["type"]?.text == "annals.PostDrafted" && event["data"]?["title"]?.text == "T")
            let deliveries = try await outbox.deliveries(of: webhook)
            #expect(deliveries.map(\.state) == [.delivered] && deliveries.map(\.lastStatus) == [204] && deliveries.map(\.attempts) == [1])
        }
    }

    @Test func `gets the events of one post one after the other, and those of others meanwhile`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let first = try await outbox.post(edits: 2)
            let second = try await outbox.post(edits: 2)
            let (firstEvents, secondEvents) = (try await outbox.events(of: first), try await outbox.events(of: second))
            outbox.receiver.answer { $0.id == firstEvents[1] ? .init(status: 500) : .init() }
            let turn = try await outbox.settle(webhook)
            guard case .idle(let due?) = turn else {
                Issue.record("\(turn)")
                return
            }
            #expect(outbox.receiver.calls.map(\.id).filter(firstEvents.contains) == Array(firstEvents[0...1]))
            #expect(outbox.receiver.calls.map(\.id).filter(secondEvents.contains) == secondEvents)

            outbox.receiver.answer { _ in .init() }
            outbox.clock.move(by: .milliseconds(due.milliseconds - outbox.clock.now.milliseconds))
            try await outbox.settle(webhook)
            let expected: [String] = [firstEvents[0], firstEvents[1], firstEvents[1], firstEvents[2]]
            #expect(outbox.receiver.calls.map(\.id).filter(firstEvents.contains) == expected)
        }
    }

    @Test func `is tried for 72 hours; then its delivery is parked, and the next one of the post is sent`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let events = try await outbox.events(of: try await outbox.post(edits: 1))
            outbox.receiver.answer { $0.id == events[0] ? .init(status: 500) : .init() }
            let start = outbox.clock.now
            while case .idle(let due?) = try await outbox.settle(webhook) {
                outbox.clock.move(by: .milliseconds(max(0, due.milliseconds - outbox.clock.now.milliseconds)))
            }
            #expect(outbox.clock.now == start.advanced(by: RetrySchedule.patience))
            let deliveries = try await outbox.deliveries(of: webhook)
            #expect(deliveries.map(\.state) == [.parked, .delivered] && deliveries.first?.lastStatus == 500)
            #expect(deliveries.first.map { 15...25 ~= $0.attempts } == true)
        }
    }

    @Test(arguments: [429, 503]) func `sends nothing before the moment that its receiver asks for`(status: Int) async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            _ = try await outbox.post()
            outbox.receiver.answer { _ in .init(status: status, headers: [("retry-after", "600")]) }
            let asked = outbox.clock.now.advanced(by: .seconds(600))
            #expect(try await outbox.settle(webhook) == .idle(until: asked))
            outbox.receiver.answer { _ in .init() }
            // A delivery that is taken up meanwhile waits as well.
            _ = try await outbox.post()
            outbox.clock.move(by: .seconds(599))
            #expect(try await outbox.settle(webhook) == .idle(until: asked))
            #expect(outbox.receiver.calls.count == 1)
            outbox.clock.move(by: .seconds(1))
            #expect(try await outbox.settle(webhook) == .idle(until: nil))
            #expect(outbox.receiver.calls.count == 3)
        }
    }

    @Test func `holds also what happens after its receiver has asked for a pause, and what was under way when it did`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let first = try await outbox.events(of: try await outbox.post())
            _ = try await outbox.post()
            // Both are under way together; the other one fails before or after the pause was asked for.
            outbox.receiver.answer { $0.id == first[0] ? .init(status: 429, headers: [("retry-after", "600")]) : .init(status: 500) }
            let asked = outbox.clock.now.advanced(by: .seconds(600))
            #expect(try await outbox.settle(webhook) == .idle(until: asked))
            #expect(outbox.receiver.calls.count == 2)

            _ = try await outbox.post()
            try await outbox.handle(.test, on: webhook)
            outbox.receiver.answer { _ in .init() }
            outbox.clock.move(by: .seconds(599))
            #expect(try await outbox.settle(webhook) == .idle(until: asked))
            #expect(outbox.receiver.calls.count == 2)
            #expect(try await outbox.deliveries(of: webhook).allSatisfy { $0.dueAt == asked })
            outbox.clock.move(by: .seconds(1))
            #expect(try await outbox.settle(webhook) == .idle(until: nil))
            #expect(outbox.receiver.calls.count == 6)
        }
    }

    @Test func `ends when its receiver is gone, and the log says so`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            _ = try await outbox.post()
            outbox.receiver.answer { _ in .init(status: 410) }
            #expect(try await outbox.settle(webhook) != .over)
            #expect(try await outbox.log.store.load(StreamName("webhook", webhook)).events.map(\.type) == ["WebhookCreated", "WebhookEnded"])
            _ = try await outbox.post()
            #expect(try await outbox.settle(webhook) == .over)
            #expect(outbox.receiver.calls.count == 1)
        }
    }

    @Test func `follows no redirect`() async throws {
        try await Outbox.open { outbox in
            try await Receiver.with { other in
                let webhook = try await outbox.webhook()
                _ = try await outbox.post()
                let place = "http://127.0.0.1:\(other.port)/"
                outbox.receiver.answer { _ in .init(status: 307, headers: [("location", place)]) }
                try await outbox.settle(webhook)
                #expect(other.calls.isEmpty)
                #expect(try await outbox.deliveries(of: webhook).map(\.lastStatus) == [307])
            }
        }
    }

    @Test func `gets a test that nobody else gets, whatever its types are`() async throws {
        try await Outbox.open { outbox in
            let (one, other) = (try await outbox.webhook(), try await outbox.webhook())
            try await outbox.handle(.test, on: one)
            try await outbox.settle(one)
            try await outbox.settle(other)
            #expect(outbox.receiver.calls.map { (try? JSONValue.parse(Array($0.body.utf8)))?["type"]?.text } == ["annals.WebhookTested"])
            try await outbox.settle(one)
            #expect(outbox.receiver.calls.count == 1)
        }
    }

    @Test func `gets everything after a position again, from before it was created, too`() async throws {
        try await Outbox.open { outbox in
            let early = try await outbox.post()
            let webhook = try await outbox.webhook()
            let late = try await outbox.post(edits: 1)
            try await outbox.settle(webhook)
            let all = try await outbox.events(of: early) + outbox.events(of: late)
            #expect(outbox.receiver.calls.map(\.id) == Array(all.dropFirst()))
            try await outbox.handle(.replay(after: 0), on: webhook)
            try await outbox.settle(webhook)
            #expect(outbox.receiver.calls.map(\.id).sorted() == (all.dropFirst() + all).sorted())
            try await outbox.settle(webhook)
            #expect(outbox.receiver.calls.count == 5)
        }
    }

    @Test func `gets nothing once it is deleted`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            _ = try await outbox.post()
            outbox.receiver.answer { _ in .init(status: 500) }
            try await outbox.settle(webhook)
            try await outbox.handle(.delete, on: webhook)
            outbox.clock.move(by: .seconds(3600))
            #expect(try await outbox.settle(webhook) == .over)
            #expect(outbox.receiver.calls.count == 1)
            #expect(try await outbox.deliveries(of: webhook).isEmpty)
        }
    }

    @Test func `gets nothing of what was erased, and its deliveries hold nothing personal`() async throws {
        try await Outbox.open { outbox in
            let webhook = try await outbox.webhook()
            let (author, post) = (try await outbox.person(), UUID.v7())
            outbox.receiver.answer { _ in .init(status: 500) }
            let secret = "a text to be forgotten"
            let drafted = PostEvent.drafted(author: author, title: .known(secret), slug: .known("s"), content: .known(secret))
            try await outbox.append([drafted], to: post, by: author)
            try await outbox.settle(webhook)
            #expect(outbox.receiver.calls.last?.body.contains(secret) == true)
            #expect(try await outbox.log.value("SELECT string_agg(d::text, ' ') FROM relay.webhook_deliveries d").contains(secret) == false)

            try await outbox.log.runInVault("SELECT vault.destroy_key('\(author.lowercased)')")
            outbox.log.vault.noteDestruction(of: author)
            outbox.clock.move(by: .seconds(60))
            try await outbox.settle(webhook)
            #expect(outbox.receiver.calls.count == 2)
            #expect(outbox.receiver.calls.last?.body.contains(secret) == false)
            #expect(outbox.receiver.calls.last?.body.contains(#""forgotten":"title,slug,content""#) == true)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A host whose address changes between check and use` {
    @Test func `is looked up once a delivery, and the connection goes to what was found`() async throws {
        let lookups = Mutex(0)
        let resolve: HostResolver = { _ in
            let count = lookups.withLock { count in
                count += 1
                return count
            }
            return [NetworkAddress(count == 1 ? "127.0.0.1" : "10.255.255.1")].compactMap(\.self)
        }
        try await Outbox.open(resolve: resolve) { outbox in
            let webhook = try await outbox.webhook(url: "http://rebind.example:\(outbox.receiver.port)/")
            _ = try await outbox.post()
            try await outbox.settle(webhook)
            #expect(lookups.withLock { $0 } == 1)
            #expect(outbox.receiver.calls.map { $0.headers.first(name: "host") } == ["rebind.example:\(outbox.receiver.port)"])
            _ = try await outbox.post()
            try await outbox.settle(webhook)
            #expect(outbox.receiver.calls.count == 1)
            #expect(try await outbox.deliveries(of: webhook).last?.lastError == DeliveryFailure.addressRefused.rawValue)
        }
    }

    @Test(arguments: ["rebind.example", "127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"])
    func `is not connected to where that is private`(host: String) async throws {
        let resolve: HostResolver = { host in
            host == "rebind.example" ? [NetworkAddress("127.0.0.1")].compactMap(\.self) : try await SystemResolver.addresses(of: host)
        }
        try await Outbox.open(allowing: ["10.0.0.0/8"], resolve: resolve) { outbox in
            for scheme in ["http", "https"] {
                let webhook = try await outbox.webhook(url: "\(scheme)://\(host):\(outbox.receiver.port)/")
                _ = try await outbox.post()
                try await outbox.settle(webhook)
                let errors = try await outbox.deliveries(of: webhook).map(\.lastError)
                #expect(errors == [DeliveryFailure.addressRefused.rawValue] || errors == [DeliveryFailure.unknownHost.rawValue], "\(errors)")
            }
            #expect(outbox.receiver.calls.isEmpty)
        }
    }
}
