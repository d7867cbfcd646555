package import Logging

/// Listens to channels on a connection of its own, and comes back when that is lost.
///
/// Needs a direct connection: behind a pooler in transaction mode nothing would ever arrive.
package struct Listener: Sendable {
    private let target: ConnectionTarget
    private let channels: [String]
    private let logger: Logger

    /// Listens to `channels`, whose names may hold any character.
    package init(_ target: ConnectionTarget, channels: [String], logger: Logger) {
        self.target = target
        self.channels = channels
        self.logger = logger
    }

    /// Reports until the task is cancelled or `onEvent` throws; events come one after the other. A server that refuses is told once
    /// and tried again. Throws at once when the target can't be right.
    package func run(_ onEvent: (ListenEvent) async throws -> Void) async throws {
        var failures = 0
        while true {
            let line = ListenLine()
            if let connection = try await connect(line, failures) {
                defer { connection.close(PostgresError(.connection, "the listener has stopped")) }
                failures = 0
                try await onEvent(.connected)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await confirm(connection) }
                    defer { group.cancelAll() }
                    for await event in line.events { try await onEvent(event) }
                }
            }
            // Ended by cancellation, or because the line was lost.
            try Task.checkCancellation()
            failures += 1
            try await Task.sleep(for: Backoff.delay(afterFailures: failures))
        }
    }

    /// Asks the server now and then, until cancelled or lost: one that has stopped, or lies behind a cut network, tells nobody of it.
    private func confirm(_ connection: Connection) async {
        do {
            while true {
                try await Task.sleep(for: .seconds(10))
                // To listen again changes nothing.
                try await connection.answer(listening, before: .now + .seconds(10))
            }
        } catch {
            // Cancelled, or the connection has ended and its events with it.
        }
    }

    private var listening: [Query] { channels.map { Query(Statement("listen", "LISTEN \($0.quotedIdentifier)")) } }

    private func connect(_ line: ListenLine, _ failures: Int) async throws -> Connection? {
        var limits = PoolLimits()
        limits.prepare = .unnamed
        do throws(PostgresError) {
            let connection = try await Connection.open(target, limits, id: 0, owner: line)
            do throws(PostgresError) {
                _ = try await connection.group(listening)
            } catch {
                connection.close(error)
                throw error
            }
            return connection
        } catch {
            guard error.kind != .configuration, error.kind != .cancelled else { throw error }
            logger.log(
                level: error.isTransient || failures > 0 ? .debug : .error, "can't listen",
                metadata: ["target": "\(target)", "attempt": "\(failures)", "reason": "\(error.debugDescription)"])
            return nil
        }
    }
}

/// Carries one connection's notifications to the task that reports them.
private final class ListenLine: ConnectionOwner {
    let events: AsyncStream<ListenEvent>
    private let continuation: AsyncStream<ListenEvent>.Continuation

    init() { (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096)) }

    func connection(_ connection: Connection, notified channel: String, payload: String) {
        guard case .dropped = continuation.yield(.notification(channel: channel, payload: payload)) else { return }
        // Rather than lose one in silence, start over: `.connected` makes the consumer look for itself.
        connection.close(PostgresError(.connection, "notifications came faster than they were taken"))
    }

    func connectionClosed(_ connection: Connection, _ error: PostgresError) { continuation.finish() }
}

extension String {
    /// As a quoted SQL identifier.
    fileprivate var quotedIdentifier: String { "\"" + split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" }
}

/// A report of a `Listener`.
package enum ListenEvent: Sendable, Equatable {
    /// The channels are listened to, for the first time or again: notifications may have been missed, so look at what they are about.
    case connected
    /// Someone called `pg_notify(channel, payload)`.
    case notification(channel: String, payload: String)
}
