import FoundationEssentials
import HTTPContract
import Synchronization

/// Bounds the views that one address may add to one post, so that no single party without an account decides what is read most. Users are held by
/// the gateway's limit.
final class ViewerLimit: Sendable {
    private struct Viewer: Hashable {
        /// Callers without an address, as on a unix socket, are one.
        let network: NetworkAddress?
        let post: UUID
    }

    private struct State {
        var began: ContinuousClock.Instant
        var views: [Viewer: Int] = [:]
    }

    private let settings: ViewWindowSettings
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    init(_ settings: ViewWindowSettings, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.settings = settings
        self.now = now
        state = Mutex(State(began: now()))
    }

    /// Seconds after which every caller has a full share again, at most.
    var retryAfter: Int { Int(settings.viewerWindow.components.seconds) }

    /// Takes one view of the post by this caller. False when it is one too many.
    func takes(_ post: UUID, by context: CallContext) -> Bool {
        guard context.user == nil else { return true }
        let viewer = Viewer(network: context.clientAddress.flatMap { NetworkAddress($0) }?.network, post: post)
        let time = now()
        return state.withLock { state in
            // Filling up takes many addresses. To forget what they have added is better than to refuse everybody else.
            if time - state.began >= settings.viewerWindow || state.views.count >= settings.maximumViewers { state = State(began: time) }
            let views = state.views[viewer, default: 0]
            guard views < settings.viewsPerViewer else { return false }
            state.views[viewer] = views + 1
            return true
        }
    }
}
