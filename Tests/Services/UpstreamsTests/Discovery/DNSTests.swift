import PublishingAPI
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `DNS` {
    private func resolver(_ server: DNSServer) -> DNSResolver { DNSResolver(server: Instance(host: "127.0.0.1", port: server.port)) }

    /// The answer of a server that runs. It is asked again when it is late, as it may be on a busy machine.
    private func answer(_ question: DNSQuestion, of server: DNSServer) async throws -> Result<DNSAnswer, DNSFailure> {
        var answer = await resolver(server).ask(question)
        try await eventually {
            guard case .failure(.unanswered) = answer else { return true }
            answer = await resolver(server).ask(question)
            return false
        }
        return answer
    }

    @Test func `names the addresses of both versions, and how long they are good for`() async throws {
        try await DNSServer.with { server in
            try await server.start(hosts: ["127.0.0.2 auth.example", "127.0.0.3 auth.example", "2001:db8::1 auth.example", "127.0.0.9 other.example"])
            let answer = try await answer(.addresses(of: "auth.example", port: 3001), of: server).get()
            #expect(Set(answer.instances.map { "\($0)" }) == ["127.0.0.2:3001", "127.0.0.3:3001", "[2001:db8::1]:3001"])
            #expect(answer.timeToLive == 7)
        }
    }

    @Test func `is asked over TCP for what is too long for a datagram`() async throws {
        try await DNSServer.with { server in
            try await server.start(hosts: (1...200).map { "10.0.1.\($0) auth.example" })
            #expect(try await answer(.addresses(of: "auth.example", port: 1), of: server).get().instances.count == 200)
        }
    }

    @Test func `names the targets of a service, the first in priority only, with their addresses and ports`() async throws {
        try await DNSServer.with { server in
            let name = "_http._tcp.auth.example"
            try await server.start(
                hosts: ["127.0.0.2 one.example", "127.0.0.3 two.example", "127.0.0.4 two.example", "127.0.0.5 three.example"],
                services: [
                    "\(name),one.example,3001,10,1", "\(name),two.example,3011,10,5", "\(name),three.example,3021,20,1",
                    "\(name),gone.example,3031,10,1",
                ])
            let answer = try await answer(.services(name), of: server).get()
            #expect(Set(answer.instances.map { "\($0)" }) == ["127.0.0.2:3001", "127.0.0.3:3011", "127.0.0.4:3011"])
            #expect(answer.timeToLive == 7)
        }
    }

    @Test func `follows an alias`() async throws {
        try await DNSServer.with { server in
            try await server.start(hosts: ["127.0.0.2 real.example"], aliases: ["auth.example,real.example"])
            let answer = try await answer(.addresses(of: "auth.example", port: 1), of: server).get()
            #expect(answer == DNSAnswer(instances: [Instance(host: "127.0.0.2", port: 1)], timeToLive: 7))
        }
    }

    @Test func `that knows no such name, or does not answer, is a failure`() async throws {
        try await DNSServer.with { server in
            try await server.start(hosts: ["127.0.0.2 real.example"])
            for question in [DNSQuestion.addresses(of: "none.example", port: 1), .services("_http._tcp.none.example"), .services("real.example")] {
                #expect(try await answer(question, of: server) == .failure(.noInstances))
            }
            // Its policy is to refuse what it would have to ask others.
            let refused = await resolver(server).ask(.addresses(of: "elsewhere.test", port: 1))
            #expect(throws: DNSFailure.self) { try refused.get() }
            #expect(refused != .failure(.noInstances))
            server.kill()
            let silence = await resolver(server).ask(.addresses(of: "real.example", port: 1))
            #expect(throws: DNSFailure.self) { try silence.get() }
        }
    }

    @Test func `is told by name that its server is none`() async {
        let resolver = DNSResolver(server: Instance(host: "dns.example", port: 53))
        #expect(await resolver.ask(.services("x")) == .failure(.badServer("dns.example:53")))
    }

    @Test(arguments: [(0, 1), (1, 1), (30, 30), (86_400, 60)] as [(UInt32, Int)])
    func `is asked again when an answer's time is over, within bounds`(row: (ttl: UInt32, seconds: Int)) {
        let answer = DNSAnswer(instances: [], timeToLive: row.ttl)
        #expect(DNSDiscovery.Pace().rest(after: answer) == .seconds(row.seconds))
    }

    @Test func `that changes or fails is followed: the last list stays until there is another`() async throws {
        let log = SpokenLog()
        try await DNSServer.with { server in
            try await server.start(hosts: ["127.0.0.2 auth.example"])
            let pace = DNSDiscovery.Pace(shortest: .milliseconds(10), longest: .milliseconds(20), retry: .milliseconds(10))
            let discovery = DNSDiscovery(
                [.auth: .addresses(of: "auth.example", port: 1)], resolver: resolver(server), pace: pace, logger: log.logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await discovery.run() }
                var lists = discovery.instances(of: .auth).makeAsyncIterator()
                #expect(await lists.next() == [Instance(host: "127.0.0.2", port: 1)])
                try await server.start(hosts: ["127.0.0.2 auth.example", "127.0.0.3 auth.example"])
                #expect(await lists.next() == [Instance(host: "127.0.0.2", port: 1), Instance(host: "127.0.0.3", port: 1)])
                server.kill()
                #expect(await log.line(with: "warning DNS names no instances") != nil)
                try await server.start(hosts: ["127.0.0.9 nobody.example"])
                try await server.start(hosts: ["127.0.0.3 auth.example"])
                #expect(await lists.next() == [Instance(host: "127.0.0.3", port: 1)])
                group.cancelAll()
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A message of DNS` {
    @Test(arguments: 0...60) func `that is cut off is read to no harm`(length: Int) {
        // One question, one alias, one address: times to live 300 and 60.
        let message: [UInt8] =
            [0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1]
            + [0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 3, 1, 98, 0] + [0xC0, 31, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]
        let reply = DNSReply(bytes: Array(message.prefix(length)))
        #expect(reply.timeToLive == (length >= message.count - 4 ? 60 : length > 19 + 10 ? reply.timeToLive : 0))
        if length == message.count { #expect((try? reply.addresses(.a)) == ["127.0.0.1"]) }
        if length < message.count { #expect((try? reply.addresses(.a))?.isEmpty != false) }
        #expect((try? reply.services())?.isEmpty != false)
    }
}
