import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A gateway of its own` {
    @Test func `starts and is ready without the relay, and as long as any calls can be answered`() async throws {
        // On a server that a crash takes nothing back from: on another one, services that write are never ready.
        try await ServedSystem.run([:], server: "fsync = on\n") { system in
            func instance(_ service: String) throws -> ServedInstance { try #require(system.instances[service]?.first) }
            let (gateway, relay) = (try instance("gateway"), try instance("relay"))
            for gone in [relay, gateway] { gone.server.kill() }
            try await gateway.start()
            /// Waits until these services are up and all others down, and `/ready` has this status.
            func expect(_ status: Int, up: Set<String>) async throws {
                var said = ""
                defer { if !said.isEmpty { Issue.record("not \(status) with \(up): \(said)") } }
                try await eventually {
                    // A connection to the gateway that was killed may be tried first.
                    guard let ready = try? await Client(base: gateway.base).call(.GET, gateway.base + "/ready") else { return false }
                    said = "\(ready.status) \(ready.json.serialized)"
                    let isSo = ["auth", "commands", "queries", "relay"].allSatisfy {
                        ready.json["services"]?[$0]?["status"]?.text == (up.contains($0) ? "up" : "down")
                    }
                    return isSo && ready.status == status
                }
                said = ""
            }
            try await expect(200, up: ["auth", "commands", "queries"])
            for service in ["commands", "auth"] { try instance(service).server.kill() }
            try await expect(200, up: ["queries"])
            try instance("queries").server.kill()
            try await expect(503, up: [])
        }
    }
}
