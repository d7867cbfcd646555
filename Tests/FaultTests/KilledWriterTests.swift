import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import Postgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(20))) struct `An appending process` {
    @Test func `that is killed while its append waits in the server has appended once, whoever sends it again`() async throws {
        try await LogUnderFire.with { log in
            let request = Noted.request([(StreamName("note", .v7()), .none, ["a", "b"])], claims: [], command: .init(id: .v7(), digest: [1]))
            let repeated = try await withThrowingTaskGroup(of: AppendOutcome?.self) { group in
                try await AppendLock.held(in: log.server.log) { lock in
                    group.addTask {
                        do { return try await log.processes[0].append(request) } catch is WriterEnded { return nil }
                    }
                    try await lock.waitForAppends(1)
                    try await log.processes[0].restart()
                    let lost = try await group.next()
                    #expect(lost == .some(nil))
                    // The server does not know yet that nobody waits for the first sending any more.
                    group.addTask { try await log.processes[0].append(request) }
                    try await lock.waitForAppends(2)
                }
                return try await group.next()
            }
            let receipt = try #require(repeated??.receipt)
            #expect(receipt.firstPosition == 1)
            #expect(receipt.lastPosition == 2)
            #expect(try await log.events(after: 0).map(\.data.note) == ["a", "b"])
            let outcome = try await log.stores[0].append(request)
            #expect(outcome == .alreadyAppended(receipt))
        }
    }

    @Test func `ends when its input ends, even while it appends`() async throws {
        try await DurableServer.with { server in
            let process = try WriterProcess(on: server.log, name: "writer")
            let request = Noted.request([(StreamName("note", .v7()), .any, ["a"])], claims: [], command: .unrepeated())
            try await withThrowingTaskGroup(of: Bool.self) { group in
                try await AppendLock.held(in: server.log) { lock in
                    group.addTask {
                        do { return try await process.append(request).receipt == nil } catch is WriterEnded { return true }
                    }
                    try await lock.waitForAppends(1)
                    await process.end()
                }
                let hasEnded = try await group.next()
                #expect(hasEnded == true)
            }
        }
    }

    @Test func `has a server that waits for the disk`() async throws {
        try await DurableServer.with { server in
            var target = server.log
            target.role = "annals_commands"
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                    let row = try await pool.query(Statement("setting", "SELECT current_setting($1)"), [.text(setting)]).first
                    #expect(try row?.get(0, as: String.self) == "on")
                }
            }
        }
    }
}
