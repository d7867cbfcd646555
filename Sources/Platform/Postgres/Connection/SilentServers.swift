import Synchronization

/// The servers that have lately not said a word to a connection, known to the whole process: a machine that hangs, or a network that is cut. Those of
/// a list of servers are asked last, so that the others don't wait for them.
final class SilentServers: Sendable {
    static let shared = SilentServers()
    /// Then such a server is tried in its turn again.
    private static let memory: Duration = .seconds(60)

    private let silences = Mutex<[ConnectionTarget.Place: ContinuousClock.Instant]>([:])

    func note(_ place: ConnectionTarget.Place, isSilent: Bool) {
        silences.withLock { $0[place] = isSilent ? .now : nil }
    }

    /// The servers in two parts, each in its order: those to try first, and those to try when none of them will do.
    func sort(_ servers: [ConnectionTarget.Server]) -> [[ConnectionTarget.Server]] {
        let oldest = ContinuousClock.now - Self.memory
        let silent = silences.withLock { silences in Set(servers.map(\.place).filter { silences[$0].map { $0 > oldest } ?? false }) }
        return [servers.filter { !silent.contains($0.place) }, servers.filter { silent.contains($0.place) }].filter { !$0.isEmpty }
    }
}
