import NIOPosix
import Synchronization

/// Hashes and verifies passwords on a few threads of its own, so that a flood of logins can starve nothing else: neither the cooperative pool nor memory.
package final class PasswordHasher: Sendable {
    /// Too many passwords are waiting already; trying again in a second may help.
    package struct Overloaded: Error {}

    /// What new hashes cost.
    package let parameters: Argon2Parameters
    private let threads: NIOThreadPool
    private let limit: Int
    private let admitted = Atomic(0)

    /// At most `threads` passwords are in work and `queue` wait; each in work takes `parameters.memory` KiB.
    package init(parameters: Argon2Parameters = .standard, threads: Int = 2, queue: Int = 32) {
        self.parameters = parameters
        self.threads = NIOThreadPool(numberOfThreads: threads)
        limit = threads + queue
        self.threads.start()
    }

    deinit {
        // Nobody can be waiting any more: a waiting caller keeps this object. The error is always nil for a pool that is not the perpetual one.
        threads.shutdownGracefully { _ in }
    }

    /// A new hash with a random salt of 16 bytes. Throws `Overloaded`.
    package func hash(_ password: String) async throws -> PasswordHash {
        try await admit { [parameters] in
            var random = SystemRandomNumberGenerator()
            let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            return try Argon2id.hash(password, salt: salt, with: parameters)
        }
    }

    /// Whether the password is the one that was hashed. Throws `Overloaded`.
    package func verify(_ password: String, against hash: PasswordHash) async throws -> Bool {
        try await admit { try Argon2id.verify(password, against: hash) }
    }

    /// Does the work of a verification and throws it away: what a login with an unknown email costs, so that it takes as long as one with a known email.
    package func verifyNothing(_ password: String) async throws {
        try await admit { [parameters] in
            _ = try Argon2id.hash(password, salt: [UInt8](repeating: 0, count: 16), with: parameters)
        }
    }

    /// Whether the hash was made with less work than hashes are made with today.
    package func needsRehash(_ hash: PasswordHash) -> Bool {
        hash.parameters.map { $0.isWeaker(than: parameters) } ?? true
    }

    func admit<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        guard admitted.add(1, ordering: .relaxed).newValue <= limit else {
            admitted.subtract(1, ordering: .relaxed)
            throw Overloaded()
        }
        defer { admitted.subtract(1, ordering: .relaxed) }
        return try await threads.runIfActive(work)
    }
}
