import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Three hundred over sockets of their own; five thousand with ANNALS_LONG_TESTS=1.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A crowd that watches the log` {
    private static let count = isLongRun ? 5000 : 300

    @Test func `gets each position once, though connections are cut and the process is killed`() async throws {
        raiseDescriptorLimit()
        try await withDataDirectory { directory in
            let settings = ["ANNALS_ACCESS_TOKEN_LIFETIME": "86400s"]
            let first = try await RunningSystem(dataDirectory: directory, environment: settings)
            let ann = try await Client(base: first.api).signedUp("ann")
            let admin = try await first.admin()
            let token = try #require(admin.token)
            let start = try #require(Int64(try await first.head()))
            let watchers = (0..<Self.count).map { _ in SocketWatcher(after: start) }
            try await Self.connect(watchers, to: first.port, token)

            // While it is written, every third is cut off and resumes.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.write(10, by: ann) }
                for (number, watcher) in watchers.enumerated() where number % 3 == 0 {
                    await watcher.hangUp()
                    try await watcher.connect(to: first.port, token: token)
                }
                try await group.waitForAll()
            }
            await first.kill()
            let second = try await RunningSystem(dataDirectory: directory, environment: settings)
            for watcher in watchers { await watcher.hangUp() }
            try await Self.connect(watchers, to: second.port, token)
            try await Self.write(10, by: Client(base: second.api, token: ann.token))
            let last = try #require(Int64(try await second.head()))
            #expect(last >= start + 20)
            try await eventually { watchers.allSatisfy { $0.fault != nil || $0.last == last } }
            let faults = watchers.compactMap(\.fault)
            #expect(faults.isEmpty, "\(faults.count) of them: \(faults.first ?? "")")
            for watcher in watchers { await watcher.hangUp() }
            #expect(await second.interrupt() == 0)
        }
    }

    /// A hundred at a time, until all are answered.
    private static func connect(_ watchers: [SocketWatcher], to port: Int, _ token: String) async throws {
        for start in stride(from: 0, to: watchers.count, by: 100) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for watcher in watchers[start..<min(start + 100, watchers.count)] {
                    group.addTask { try await watcher.connect(to: port, token: token) }
                }
                try await group.waitForAll()
            }
        }
        try await eventually { watchers.allSatisfy(\.isFed) }
    }

    private static func write(_ count: Int, by author: Client) async throws {
        for number in 0..<count {
            let answer = try await author.call(.POST, "/posts", json: #"{"title":"Post \#(number)","content":"x"}"#)
            #expect(answer.status == 201)
        }
    }
}
