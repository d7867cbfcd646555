import AccessTokens
import Dispatch
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `A password hasher` {
    @Test func `writes PHC strings that say how they were made`() async throws {
        let hash = try await PasswordHasher(parameters: .tiny).hash("secret")
        #expect(hash.text.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
        #expect(hash.parameters == .tiny)
        // 16 bytes of salt and 32 of hash, in base64 without padding.
        #expect(hash.text.split(separator: "$").suffix(2).map(\.count) == [22, 43])
    }

    @Test func `knows the password again and no other`() async throws {
        let hasher = PasswordHasher(parameters: .tiny)
        let hash = try await hasher.hash("pässwörd 🔑")
        #expect(try await hasher.verify("pässwörd 🔑", against: hash))
        #expect(try await !hasher.verify("passwörd 🔑", against: hash))
        #expect(try await !hasher.verify("", against: hash))
    }

    @Test func `salts every hash anew`() async throws {
        let hasher = PasswordHasher(parameters: .tiny)
        #expect(try await hasher.hash("same") != hasher.hash("same"))
    }

    @Test func `uses 19 MiB and two passes unless told otherwise`() async throws {
        let hasher = PasswordHasher()
        let hash = try await hasher.hash(World.password)
        #expect(hash.text.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try await hasher.verify(World.password, against: hash))
        #expect(!hasher.needsRehash(hash))
    }

    @Test(arguments: [Argon2Parameters(memory: 16, passes: 1), Argon2Parameters(memory: 8, passes: 2)])
    func `wants weaker hashes made again`(stronger: Argon2Parameters) async throws {
        let weak = try await PasswordHasher(parameters: .tiny).hash("secret")
        #expect(PasswordHasher(parameters: stronger).needsRehash(weak))
        let strong = try await PasswordHasher(parameters: stronger).hash("secret")
        #expect(!PasswordHasher(parameters: .tiny).needsRehash(strong))
    }

    @Test func `verifies the hash of a published test vector`() async throws {
        // From the reference implementation's test.c.
        let hash = PasswordHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
        #expect(try await PasswordHasher(parameters: .tiny).verify("password", against: hash))
    }

    @Test(arguments: ["", "plain", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$v=19$m=8,t=1$x$y"])
    func `refuses a text that is no argon2id hash`(text: String) async throws {
        let hasher = PasswordHasher(parameters: .tiny)
        #expect(PasswordHash(text).parameters == nil)
        await #expect(throws: Argon2Error.self) { try await hasher.verify("x", against: PasswordHash(text)) }
    }

    @Test func `turns away what its queue does not hold`() async throws {
        let hasher = PasswordHasher(parameters: .tiny, threads: 1, queue: 0)
        try await hasher.whileFull {
            await #expect(throws: PasswordHasher.Overloaded.self) { try await hasher.hash("secret") }
            await #expect(throws: PasswordHasher.Overloaded.self) { try await hasher.verifyNothing("secret") }
        }
        #expect(try await hasher.verify("secret", against: hasher.hash("secret")))
    }
}

extension PasswordHasher {
    /// Runs `body` while one piece of work occupies a thread.
    func whileFull(_ body: @Sendable @escaping () async throws -> Void) async throws {
        let release = DispatchSemaphore(value: 0)
        let (started, start) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await self.admit {
                    start.finish()
                    release.wait()
                }
            }
            for await _ in started {}
            defer { release.signal() }
            try await body()
        }
    }
}
