import EventSourcing
import FoundationEssentials
import HTTPContract
import Logging
import ServiceLifecycle
import Synchronization

/// Gathers views for a moment and sends them to the log as one event, so that views cost four events a second, however many and of whatever posts.
///
/// Without views it does nothing at all: `run()` sleeps until the first one comes. A clean stop (`stop()`, or the service group's graceful shutdown)
/// sends the gathered views; only a kill loses a window.
final class ViewWindow: Sendable {
    /// The stream of this window's events.
    private let id = UUID.v7()
    private let recorder: ViewRecorder
    private let settings: ViewWindowSettings
    private let logger: Logger
    private let gathered: Mutex<GatheredViews>
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init(recorder: ViewRecorder, settings: ViewWindowSettings = ViewWindowSettings(), logger: Logger) {
        self.recorder = recorder
        self.settings = settings
        self.logger = logger
        gathered = Mutex(GatheredViews(capacity: settings.maximumPosts))
        (arrivals, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Counts a view that nobody waits for.
    func count(_ post: UUID) { add(post, waiter: nil) }

    /// Counts a view and returns the position of its event once that is durable. Throws 503 when the log did not take it.
    func record(_ post: UUID) async throws -> Int64 {
        let id = UUID.v7()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                add(post, waiter: GatheredViews.Waiter(id: id, post: post, continuation: $0))
                // The handler may have run before there was anyone to take out.
                if Task.isCancelled { cancel(id, of: post) }
            }
        } onCancel: {
            cancel(id, of: post)
        }
    }

    /// Ends a caller's wait, also while their view is on the way: a call ends at its deadline, whatever the log is doing.
    private func cancel(_ id: UUID, of post: UUID) {
        gathered.withLock { $0.removeWaiter(id, of: post) }?.resume(throwing: CancellationError())
    }

    /// Sends views until stopped, then what is left. May be called once.
    func run() async {
        await withGracefulShutdownHandler {
            for await _ in arrivals {
                await pause(settings.window)
                await sendWindow()
            }
            gathered.withLock { $0.isClosed = true }
            await sendWindow()
        } onGracefulShutdown: {
            self.stop()
        }
    }

    /// Makes `run()` send what is gathered and return.
    func stop() {
        gathered.withLock { $0.isStopping = true }
        arrival.finish()
    }

    private func add(_ post: UUID, waiter: GatheredViews.Waiter?) {
        switch gathered.withLock({ $0.add(post, waiter: waiter) }) {
        case .first: arrival.yield()
        case .another: break
        case .closed: waiter?.continuation.resume(throwing: Problem.unavailable("Views are not taken any more."))
        case .dropped(let entry, let waiters):
            logger.warning("too many posts wait for their views to be recorded: the oldest is dropped", metadata: ["views": "\(entry.count)"])
            for waiter in waiters { waiter.continuation.resume(throwing: Problem.unavailable()) }
        }
    }

    /// Sends the gathered views. Those that come meanwhile open the next window: sent at once, a hot post would keep the log busy call after call.
    private func sendWindow() async {
        var remaining = gathered.withLock { $0.postCount }
        while remaining > 0, let batch = gathered.withLock({ $0.takeBatch(min(remaining, settings.maximumPostsPerCall), in: id) }) {
            remaining -= batch.views.count
            await send(batch)
        }
        if gathered.withLock({ $0.postCount > 0 }) { arrival.yield() }
    }

    /// Sends one batch until it is taken, or can't ever be, or the last attempt before a stop has failed.
    private func send(_ batch: ViewBatch) async {
        var backoff = Backoff(from: settings.firstPause, to: settings.longestPause)
        while true {
            let isLastAttempt = gathered.withLock { $0.isStopping } || Task.isCancelled
            do {
                let receipt = try await recorder.record(batch)
                for waiter in gathered.withLock({ $0.takeSent() }) { waiter.continuation.resume(returning: receipt.position) }
                return
            } catch {
                // All waiting callers are told now. A view that has not been sent is taken back; the batch itself must stay as it is to be
                // repeatable.
                for waiter in gathered.withLock({ $0.takeSent() + $0.withdrawWaiters() }) {
                    waiter.continuation.resume(throwing: Problem.unavailable("The view could not be recorded."))
                }
                let isRefused = error is ViewsRefused
                let fate: Logger.Metadata = ["views": "\(batch.count)", "posts": "\(batch.views.count)", "error": "\(error)"]
                guard !isRefused, !isLastAttempt else {
                    logger.error("views are lost: \(isRefused ? "the command service refused them" : "the last attempt failed")", metadata: fate)
                    return
                }
                logger.warning("views could not be recorded, and are tried again", metadata: fate)
            }
            await pause(backoff.next())
        }
    }

    /// Sleeps, but not on while a stop is asked for.
    private func pause(_ duration: Duration) async {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
        } catch {
            // Only a stop ends the sleep early, and what is gathered by then is sent at once.
        }
    }
}

/// How views are gathered before they go to the log.
package struct ViewWindowSettings: Sendable {
    /// The longest that a view waits for others to go with it.
    package var window = Duration.milliseconds(250)
    /// The most posts whose views are kept while the log can't be reached; then the oldest are dropped.
    package var maximumPosts = 100_000
    /// The most posts that go in one call.
    package var maximumPostsPerCall = 5_000
    /// The pause after the first failure; it doubles with each further one.
    package var firstPause = Duration.milliseconds(100)
    /// The longest pause between two attempts.
    package var longestPause = Duration.seconds(2)

    /// The views of one post that an address without a token may add in `viewerWindow`.
    package var viewsPerViewer = 10
    package var viewerWindow = Duration.seconds(60)
    /// The most pairs of address and post that are remembered; then all are forgotten.
    package var maximumViewers = 100_000

    package init() {}
}
