import EventSourcing
import FoundationEssentials
import HTTPContract
import Logging
import Postgres
import Publishing

/// Carries closures to their end. It takes one that no process works on, performs step after step and records each. If the process dies, another one
/// continues, or the same one after its next start.
struct ClosureRunner: Sendable {
    let closures: Closures
    let steps: ClosureSteps
    let logger: Logger
    /// Names this process in leases.
    let lease = UUID.v7()
    /// Raised when this process has begun a closure.
    private let begun = Signal()

    /// Runs until cancelled.
    func run(lookingEvery interval: Duration) async {
        while !Task.isCancelled {
            var pause = interval
            do {
                try await runDue()
                // Other closures wait for their next try, or belong to another process.
                if try await closures.areRunning() { pause = .seconds(1) }
            } catch  where Task.isCancelled {
                return
            } catch {
                logger.warning("closures wait", metadata: ["reason": "\(error)"])
                pause = .seconds(1)
            }
            do { _ = try await isDone(within: pause) { [begun] in try await begun.wait() } } catch { return }
        }
    }

    /// Works on every closure that is due, one after the other, until each is done or has failed.
    func runDue() async throws {
        while let closure = try await closures.take(under: lease) { try await finish(closure) }
    }

    /// Wakes `run()`.
    func wake() { begun.raise() }

    private func finish(_ taken: Closure) async throws {
        var closure = taken
        do {
            while let action = try closure.next { closure = try await steps.perform(action, of: closure, lease: lease) }
            logger.notice("an account is closed and erased", metadata: ["closure": "\(closure.id.lowercased)"])
        } catch let refused as ClosureCommands.Refused {
            try await closures.refuse(closure, lease: lease)
            logger.notice("the account can't be closed", metadata: ["closure": "\(closure.id.lowercased)", "reason": "\(refused.problem.detail)"])
        } catch is Closures.LeaseLost {
            return
        } catch  where !Task.isCancelled {
            // A second, two, four, eight.
            let pause = min(.seconds(1 << min(closure.failures, 6)), Closures.longestPause)
            // The read tables of a busy system may need a few tries; only a lasting failure is worth a line.
            logger.log(
                level: closure.failures < 3 ? .info : .warning, "a closure waits",
                metadata: ["closure": "\(closure.id.lowercased)", "done": "\(closure.steps.count)", "reason": "\(error)"])
            try await closures.release(closure, until: closures.now().advanced(by: pause), hasFailed: true, lease: lease)
        }
    }
}
