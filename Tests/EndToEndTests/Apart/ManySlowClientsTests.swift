import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Clients that hold connections: they cost the others nothing.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Clients that hold connections to a gateway apart` {
    @Test func `keep nobody else waiting, be they slow with headers, with a body or with reading`() async throws {
        try await withSystem(isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let long = try await post(ann, "long", characters: 200_000)
            let seconds = isLongRun ? 30 : 4
            let address = "http://127.0.0.1:\(system.port)"
            let shared = "slowhttptest -c 400 -r 400 -i 1 -l \(seconds) -p 2"
            let attacks = [
                "-H -t GET -u \(address)/api/v1/posts", "-B -s 100000 -t POST -u \(address)/api/v1/auth/login",
                "-X -w 10 -y 20 -n 1 -z 32 -k 1 -u \(address)/api/v1/posts/\(long)",
            ]
            let ended = Flag()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    try await Traffic.run([address], as: ann) { traffic in
                        while !ended.isSet { try await traffic.succeed() }
                        #expect(traffic.failures.isEmpty, "\(traffic.failures)")
                    }
                }
                try await withThrowingTaskGroup(of: String.self) { running in
                    for attack in attacks { running.addTask { try await Shell.run("\(shared) \(attack)") } }
                    // The tool's own probe has two seconds, which a busy machine may take. The traffic beside it is the measure.
                    for try await said in running {
                        #expect(said.contains("Hit test time limit") || said.contains("No open connections left"), "\(said)")
                    }
                }
                ended.set()
                try await group.waitForAll()
            }
        }
    }

    @Test func `are let idle by the thousand`() async throws {
        raiseDescriptorLimit()
        try await withSystem(environment: ["ANNALS_IDLE_TIMEOUT": "3600s"], isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            var idle: [Wire] = []
            for number in 0..<(isLongRun ? 10_000 : 1000) {
                let wire = try Wire(port: system.port)
                // Some that have not said a word, and some between two requests.
                if number % 10 == 0 {
                    await wire.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                    #expect(try await wire.answer().hasPrefix("HTTP/1.1 200"))
                }
                idle.append(wire)
            }
            try await Traffic.run(["http://127.0.0.1:\(system.port)"], as: ann) { traffic in
                try await traffic.succeed(50)
                #expect(traffic.failures.isEmpty, "\(traffic.failures)")
            }
            for wire in idle.enumerated().filter({ $0.offset % 7 == 0 }).map(\.element) {
                await wire.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    /// A response goes through the gateway no faster than its client reads, however fast the service would send it.
    @Test func `don't make the gateway hold the long responses that they leave unread`() async throws {
        let service = try LargeService(bodyBytes: 24 << 20)
        defer { service.stop() }
        // The clients leave them unread for as long as the test takes.
        let settings = [
            "ANNALS_QUERIES_AT": "127.0.0.1:\(service.port)", "ANNALS_SEND_TIMEOUT": "3600s", "ANNALS_UPSTREAM_SILENCE": "3600s",
            "ANNALS_DEADLINE": "3600s",
        ]
        try await ServedSystem.run([:], settings: settings) { system in
            let gateway = try #require(system.instances["gateway"]?.first?.server)
            let pid = try #require(gateway.processIdentifier)
            let before = try residentBytes(of: pid)
            let wires = try (0..<12).map { _ in try Wire(port: gateway.port) }
            for wire in wires { await wire.send("GET /api/v1/posts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") }
            for wire in wires { try await wire.waitForFirstByte() }
            // Until nothing more is taken from the service.
            var taken = -1
            try await eventually(every: .milliseconds(300)) {
                defer { taken = service.sentBytes }
                return service.sentBytes == taken
            }
            let grown = try residentBytes(of: pid) - before
            #expect(grown < 4 * service.bodyBytes, "the gateway has grown by \(grown) bytes for 12 responses of \(service.bodyBytes)")
            #expect(taken < 12 * service.bodyBytes)
            for wire in wires.prefix(4) {
                let answer = try await wire.rest()
                #expect(answer.utf8.count > service.bodyBytes)
            }
        }
    }

    /// A published post; its id.
    private func post(_ author: Client, _ slug: String, characters: Int) async throws -> String {
        let json = #"{"title":"Long","slug":"\#(slug)","publish":true,"content":"\#(Self.text(characters))"}"#
        let answer = try await author.call(.POST, "/posts", json: json)
        _ = try await author.call(.GET, "/posts/by-slug/\(slug)", headers: ["Wait-For-Position": answer.position, "DNT": "1"])
        return try #require(answer.data["id"]?.text)
    }

    /// Four bytes a character.
    private static func text(_ characters: Int) -> String { String(repeating: "𝒂", count: characters) }

    private func residentBytes(of pid: pid_t) throws -> Int {
        let fields = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
        return try #require(fields.dropFirst().first.flatMap { Int($0) }) * Int(getpagesize())
    }
}
