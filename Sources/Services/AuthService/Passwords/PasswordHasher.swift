import AccessTokens
import NIOPosix

/// Hashes and verifies passwords on a few threads of its own, so that a flood of logins starves neither the cooperative pool nor memory.
package final class PasswordHasher: Sendable {
    /// Too many passwords wait already. A retry in a second may succeed.
    package struct Overloaded: Error {}

    /// The cost of new hashes.
    package let parameters: Argon2Parameters
    private let threads: NIOThreadPool
    private let queue: HashingQueue

    /// At most `threads` passwords are hashed at a time; each takes `parameters.memory` KiB. At most `queue` wait, and as many more of users at
    /// addresses that they have signed in from before.
    package init(parameters: Argon2Parameters = .standard, threads: Int = 2, queue: Int = 32) {
        self.parameters = parameters
        self.threads = NIOThreadPool(numberOfThreads: threads)
        self.queue = HashingQueue(places: threads, limit: queue)
        self.threads.start()
    }

    deinit {
        // Nobody waits any more, since a waiting caller keeps this object alive. The error is always nil for a pool that is not the perpetual one.
        threads.shutdownGracefully { _ in }
    }

    /// A new hash with a random salt of 16 bytes. Throws `Overloaded`.
    package func hash(_ password: String) async throws -> PasswordHash { try await hash(password, for: .nobody) }

    /// The same for a party that shares the places with others.
    func hash(_ password: String, for party: HashingParty) async throws -> PasswordHash {
        try await admit(party) { [parameters] in
            var random = SystemRandomNumberGenerator()
            let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            return try Argon2id.hash(password, salt: salt, with: parameters)
        }
    }

    /// Whether the password is the one that was hashed. Throws `Overloaded`.
    package func verify(_ password: String, against hash: PasswordHash) async throws -> Bool {
        try await verify(password, against: hash, for: .nobody)
    }

    /// The same for a party that shares the places with others.
    func verify(_ password: String, against hash: PasswordHash, for party: HashingParty) async throws -> Bool {
        try await admit(party) { try Argon2id.verify(password, against: hash) }
    }

    /// Does the work of a verification and drops the result, so that a login with an unknown email takes as long as one with a known email.
    func verifyNothing(_ password: String, for party: HashingParty = .nobody) async throws {
        try await admit(party) { [parameters] in
            _ = try Argon2id.hash(password, salt: [UInt8](repeating: 0, count: 16), with: parameters)
        }
    }

    /// Whether the hash was made at a lower cost than today's.
    package func needsRehash(_ hash: PasswordHash) -> Bool {
        hash.parameters.map { $0.isWeaker(than: parameters) } ?? true
    }

    func admit<Value: Sendable>(_ party: HashingParty = .nobody, _ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        // Earlier sign-ins from the address are looked up only if the caller has to wait.
        if !queue.takeFree() {
            try await queue.take(HashingQueue.Share(account: party.account, origin: party.origin, isFamiliar: party.isFamiliar()))
        }
        defer { queue.release() }
        return try await threads.runIfActive(work)
    }
}

/// The party for which a password is hashed, by which the queue shares its places.
struct HashingParty: Sendable {
    let account: String?
    let origin: String?
    /// Whether the account's owner has signed in from the address before.
    let isFamiliar: @Sendable () async throws -> Bool

    /// The operator, or the service itself.
    static let nobody = HashingParty(account: nil, origin: nil) { true }

    init(account: String?, origin: String?, isFamiliar: @escaping @Sendable () async throws -> Bool = { false }) {
        self.account = account
        self.origin = origin
        self.isFamiliar = isFamiliar
    }

    init(_ claimant: SignInThrottle.Claimant, isFamiliar: @escaping @Sendable () async throws -> Bool = { false }) {
        self.init(account: Base64URL.encode(claimant.account), origin: claimant.origin, isFamiliar: isFamiliar)
    }
}
