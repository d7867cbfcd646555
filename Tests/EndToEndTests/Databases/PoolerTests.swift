import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Behind PgBouncer in transaction mode` {
    private let tries = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 10_000 : 160

    /// With a direct way to the log, appends of other processes are heard of; without one they are polled for.
    @Test(arguments: [true, false]) func `the main job is done as everywhere`(isLogDirect: Bool) async throws {
        // As promised from the start: a pooler keeps sessions from before a setting.
        try await withServer(settings: "synchronous_commit = on\n") { server in
            try await letEveryUserIn(at: server)
            let services = ["annals_commands", "annals_projector", "annals_queries", "annals_auth", "annals_relay"]
            for role in services { try await execute("CREATE ROLE \(role) LOGIN", at: server) }
            try await withDatabases(at: server) { direct in
                try await PgBouncer.with(server, users: services + ["postgres"]) { pooler in
                    var environment = pooler.urls
                    environment["ANNALS_POOLING"] = "transaction"
                    environment["ANNALS_READ_DIRECT_URL"] = direct["ANNALS_READ_URL"]
                    if isLogDirect { environment["ANNALS_LOG_DIRECT_URL"] = direct["ANNALS_LOG_URL"] }
                    try await withSystem(environment: environment) { _, anyone in
                        let job = MainJob(anyone)
                        try await job.walk()
                        try await job.race()
                        try await job.readOwnWrites(tries)
                    }
                }
            }
        }
    }
}
