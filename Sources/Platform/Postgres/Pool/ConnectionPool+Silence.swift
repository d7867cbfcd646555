import CLibpq
import Logging
import Synchronization

/// Leaves a server that does not answer any more for another one of its list.
///
/// A stopped process and a cut network end no connection. A request on one waits, and so would all that follow it.
extension ConnectionPool {
    /// How long a connection may leave its requests without an answer before its server is asked for another connection.
    private static let patience: Duration = .seconds(3)

    /// Looks until cancelled. Where the target names several servers, the one that answers nothing is asked for a connection of the target's kind. If
    /// it gives one, the statements under way take long, and that is all. Otherwise its connections are closed, and those that wait on them hear
    /// that the outcome is unknown.
    func watchSilence() async {
        guard target.servers.count > 1 else { return }
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.patience) } catch { return }
            let limit = ContinuousClock.now - Self.patience
            let silent = Set(connections.filter { $0.waitingSince.map { $0 < limit } ?? false }.map(\.place))
            for place in silent {
                guard let reason = await refusal(of: place) else { continue }
                logger.warning(
                    "a database server does not answer, its connections are closed",
                    metadata: ["host": "\(place.host)", "port": "\(place.port)", "reason": "\(reason)"])
                SilentServers.shared.note(place, isSilent: true)
                let error = PostgresError(.connection, "the server has answered nothing for \(Self.patience), and takes no connection")
                for connection in connections where connection.place == place { connection.close(error) }
            }
        }
    }

    private var connections: [Connection] { core.withLock { $0.state.slots.compactMap(\.connection) } }

    /// Why a server takes no connection of the target's kind; nil when it does, or says that it has too many.
    private func refusal(of place: ConnectionTarget.Place) async -> PostgresError? {
        let server = target.at(target.servers.filter { $0.place == place })
        do throws(PostgresError) {
            PQfinish(try await Connector(target: server, timeout: limits.connectTimeout / target.servers.count).connect().pointer)
            return nil
        } catch {
            let isThere = error.sqlState.map { $0 != .cannotConnectNow } ?? (error.kind == .cancelled)
            return isThere ? nil : error
        }
    }
}
