import ArgumentParser
import EventLog
import EventSourcing
import Postgres
import Projections
import Publishing
import Vault

/// `annals projections`: what an operator sees of read models, and does about them.
struct ProjectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections", abstract: "Look after the read models.", subcommands: [Parked.self])
}

extension Operation {
    /// The read database with the projector's rights, not through a pooler.
    var readModels: ConnectionTarget { databases.readDirect.acting(as: "annals_projector") }

    /// The log as a projector reads it: in order, with what is sealed opened.
    func withOpenedLog<Value: Sendable>(_ body: @Sendable (any EventStore) async throws -> Value) async throws -> Value {
        let secrets = try Secrets.load(settings, from: directory)
        let target = databases.log.acting(as: "annals_projector")
        return try await ConnectionPool.withPool(target, logger: logger) { log in
            try await ConnectionPool.withPool(databases.vault.acting(as: "annals_projector"), logger: logger) { vault in
                let head = HeadWatch(log, direct: target, logger: logger)
                return try await body(
                    PostgresEventStore(
                        log, head: head, vault: KeyVault(vault, masterKey: secrets.masterKey), hasher: nil, catalog: .publishing, logger: logger))
            }
        }
    }
}

/// Runs an operator's call, and turns what it can be refused for into one line.
func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as ParkedEventsError {
        throw Failure("\(error)")
    } catch let error as ReadModelError {
        throw Failure("\(error)")
    }
}
