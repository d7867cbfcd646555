import AccessTokens
import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Publishing
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A closed account` {
    @Test func `is dropped from memory with its posts, whichever process closed it`() async throws {
        try await Newsroom.open { newsroom in
            try await newsroom.log.another { other in
                let cache = CachedStates(following: other.store, logger: TestCluster.logger)
                let cached = newsroom.on(other.store, cache: cache)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await cache.run() }
                    defer { group.cancelAll() }
                    let ann = try await newsroom.person("ann")
                    let bob = try await newsroom.person("bob")
                    // Until the follower is there, nothing is kept.
                    try await eventually {
                        try await Self.rename(bob, in: cached)
                        return cache.entryCount != 0
                    }
                    #expect(cache.entryCount == 1)
                    for _ in 0..<3 {
                        let post = try await newsroom.post(by: ann, publish: false)
                        let reply = try await cached.call(.post, post.path + "/publish", by: ann)
                        #expect(reply.status == 200)
                    }
                    try await Self.rename(ann, in: cached)
                    #expect(cache.entryCount == 5)
                    // By the first store; the cache belongs to the second.
                    try await newsroom.order(.close, for: ann)
                    try await eventually { cache.entryCount <= 1 }
                    #expect(cache.entryCount == 1)
                    try await newsroom.order(.close, for: bob)
                    try await eventually { cache.entryCount == 0 }
                }
                #expect(cache.entryCount == 0)
            }
        }
    }

    @Test func `is not taken back into memory by a later command`() async throws {
        try await Newsroom.open { newsroom in
            let cache = CachedStates(following: newsroom.log.store, logger: TestCluster.logger)
            let cached = newsroom.on(newsroom.log.store, cache: cache)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await cache.run() }
                defer { group.cancelAll() }
                let ann = try await newsroom.person("ann")
                let admin = try await newsroom.person("root", role: .admin)
                let post = try await newsroom.post(by: ann, publish: false)
                try await eventually {
                    _ = try await cached.call(.post, post.path + "/publish", by: ann)
                    return cache.entryCount != 0
                }
                try await newsroom.order(.close, for: ann)
                try await eventually { cache.entryCount == 0 }
                let reply = try await cached.call(.post, post.path + "/unpublish", by: admin)
                #expect(reply.status == 200)
                #expect(cache.entryCount == 0)
            }
        }
    }

    @Test func `leaves nothing behind when nobody follows the log any more`() async throws {
        try await Newsroom.open { newsroom in
            let cache = CachedStates(following: newsroom.log.store, logger: TestCluster.logger)
            let cached = newsroom.on(newsroom.log.store, cache: cache)
            let ann = try await newsroom.person("ann")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await cache.run() }
                try await eventually {
                    try await Self.rename(ann, in: cached)
                    return cache.entryCount != 0
                }
                group.cancelAll()
            }
            #expect(cache.entryCount == 0)
            try await Self.rename(ann, in: cached)
            #expect(cache.entryCount == 0)
        }
    }

    private static func rename(_ person: Newsroom.Person, in newsroom: Newsroom) async throws {
        let reply = try await newsroom.call(.patch, "/api/v1/users/me", #"{"bio":"\#(UUID.v7().lowercased)"}"#, by: person)
        #expect(reply.status == 200)
    }
}
