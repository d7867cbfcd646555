import EventSourcing
import FoundationEssentials
import Glibc
import Postgres

/// The lease of the tree. Each write names its token, so only the present holder can write.
struct MerkleLease: Sendable {
    /// A third of the time that a lease lasts.
    private static let renewInterval = Duration.seconds(1)
    /// How often a follower that has to wait asks again.
    private static let askInterval = Duration.milliseconds(500)

    let token: Int64
    /// How many leaves the tree had when it was taken.
    let size: Int64

    /// Returns once nobody else holds it; `onWait` is called when somebody does.
    static func acquire(_ pool: ConnectionPool, as holder: String, onWait: () -> Void) async throws -> MerkleLease {
        while true {
            if let row = try await pool.query(.acquireMerkleLease, [.text(holder)]).first {
                return MerkleLease(token: try row.get(0), size: try row.get(1))
            }
            onWait()
            try await Task.sleep(for: askInterval * Double.random(in: 0.8...1.2))
        }
    }

    /// Shows signs of life until cancelled, or until the lease is another's.
    func keep(_ pool: ConnectionPool) async throws {
        while true {
            try await Task.sleep(for: Self.renewInterval)
            guard try await pool.query(.renewMerkleLease, [.int8(token)]).affectedRows == 1 else { throw MerkleLeaseLost() }
        }
    }

    /// `<host>:<process id>:<four random characters>`: two containers may share the first two.
    static func processName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&name, name.count - 1) == 0 ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "?"
        return "\(host):\(getpid()):\(UUID().lowercased.prefix(4))"
    }
}

/// Another process has the lease or has signed since: the follower begins with the lease again.
struct MerkleLeaseLost: Error {}
