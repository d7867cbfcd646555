import ArgumentParser
import EventLog
import EventSourcing
import Postgres
import Projections
import Publishing
import QueryService

/// `annals projections`: what an operator sees of read models and does about them.
struct ProjectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections", abstract: "Inspect, rebuild and verify the read models.",
        subcommands: [
            ProjectionsList.self, ProjectionsStatus.self, Rebuild.self, Verify.self, Rollback.self, Drop.self, Parked.self,
        ])
}

extension Operation {
    /// The read database with the projector's rights, past any pooler.
    var readModels: ConnectionTarget { databases.readDirect.acting(as: "annals_projector") }

    /// Work on whole read models.
    func withMaintenance<Value: Sendable>(_ body: @Sendable @escaping (Maintenance) async throws -> Value) async throws -> Value {
        try await refusing {
            // The maintenance has connections of its own. This one tells at once when there are none to be had.
            try await withPool("read", readModels) { _ in }
            return try await withLog { log in
                try await body(Maintenance(readModels, store: log, catalog: .annals, readers: ReadStatements.all, logger: logger))
            }
        }
    }

    /// The read models' folders, each with its contents or the reason why it is refused.
    func folders() throws -> [(name: String, model: Result<ReadModel, ReadModelError>)] {
        do {
            return try ReadModel.loadEach(root: installation.projections, catalog: .annals)
        } catch {
            throw Failure("\(error)")
        }
    }

    /// Runs a call on read models and turns each possible refusal into one line. What the log's database refuses comes as an `EventStoreError`.
    func refusing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await databases.explaining("read", at: readModels, body)
        } catch let error as ParkedEventsError {
            throw Failure("\(error)")
        } catch let error as ReadModelError {
            throw Failure("\(error)")
        } catch let error as MaintenanceError {
            throw Failure("\(error)")
        } catch let error as EventStoreError {
            throw Failure(error.line)
        } catch let error as ProjectorStop {
            throw Failure("\(error)")
        }
    }
}
