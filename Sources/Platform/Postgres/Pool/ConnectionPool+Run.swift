import Logging
import Synchronization

/// Opens, retires and closes connections.
extension ConnectionPool {
    /// Keeps the pool until the task is cancelled; then closes every connection, those in use as they come back or after five seconds.
    ///
    /// Throws `.configuration` when the pool has run before.
    package func run() async throws {
        guard !core.withLock({ $0.state.isClosed }) else { throw PostgresError(.configuration, "a pool runs only once") }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTime() }
            group.addTask { await self.watchSilence() }
            wake()
            for await _ in wakes {
                for id in startOpening() { group.addTask { await self.open(id) } }
            }
            group.cancelAll()
            await close()
        }
    }

    private func startOpening() -> [Int] {
        core.withLock { core in (0..<core.state.openingsNeeded).map { _ in core.state.startOpening() } }
    }

    private func open(_ id: Int) async {
        do {
            let failures = core.withLock { $0.state.consecutiveFailures }
            if failures > 0 { try await Task.sleep(for: Backoff.delay(afterFailures: failures)) }
            let connection = try await Connection.open(target, limits, id: id, owner: self)
            perform(
                core.withLock { core in
                    core.lastFailure = nil
                    core.hasConnected = true
                    let now = ContinuousClock.now
                    return core.state.opened(id, connection, now: now, expires: now + limits.lifetime * Double.random(in: 0.9...1.1))
                })
        } catch let error as PostgresError {
            openingFailed(id, error)
        } catch {
            openingFailed(id, .cancelled())
        }
    }

    private func openingFailed(_ id: Int, _ error: PostgresError) {
        // Waiting helps against a database that is down, not against a role that doesn't exist.
        let isHopeless = error.isRefusedLogin || !error.isTransient && error.kind != .cancelled
        let waiters = core.withLock { core in
            core.state.openingFailed(id)
            if error.kind != .cancelled { core.lastFailure = error }
            return isHopeless ? core.state.removeAllWaiters() : []
        }
        for waiter in waiters { waiter.resume(.failure(error)) }
        if error.kind != .cancelled {
            // Once each time that a database goes away. One that never was there is told by the callers.
            let hasGone = core.withLock { $0.hasConnected && $0.state.consecutiveFailures == 1 }
            logger.log(level: hasGone ? .warning : .debug, "can't connect", metadata: ["target": "\(target)", "reason": "\(error.debugDescription)"])
        }
        wake()
    }

    private func keepTime() async {
        let interval = max(.milliseconds(10), min(.seconds(1), limits.idleTimeout / 2, limits.lifetime / 2))
        while !Task.isCancelled {
            let now = ContinuousClock.now
            let retired = core.withLock { $0.state.retire(now: now) }
            for connection in retired { connection.close(PostgresError(.connection, "the pool has closed the connection")) }
            giveUpOnTheSilent(now)
            wake()
            do { try await Task.sleep(for: interval) } catch { return }
        }
    }

    /// The server should have ended an overlong statement by itself. One that hasn't is behind a broken line.
    private func giveUpOnTheSilent(_ now: ContinuousClock.Instant) {
        guard let timeout = limits.statementTimeout else { return }
        let limit = now - timeout - .seconds(10)
        for connection in core.withLock({ $0.state.slots.compactMap(\.connection) }) {
            guard let since = connection.waitingSince, since < limit else { continue }
            connection.close(PostgresError(.deadline, "the server has been silent since \(now - since) ago"))
        }
    }

    private func close() async {
        let (idle, waiters) = core.withLock { core in (core.state.close(), core.state.removeAllWaiters()) }
        for waiter in waiters { waiter.resume(.failure(.poolClosed)) }
        for connection in idle { connection.close(.poolClosed) }
        Reactor.shared.schedule(at: .now + limits.closeTimeout) { [weak self] in self?.closeAll() }
        await withUnsafeContinuation { continuation in
            let isEmpty = core.withLock { core in
                if !core.state.slots.isEmpty { core.whenEmpty = continuation }
                return core.state.slots.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func closeAll() {
        for connection in core.withLock({ $0.state.slots.compactMap(\.connection) }) { connection.close(.poolClosed) }
    }
}
