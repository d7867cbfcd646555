import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

/// On a small disk of its own, which takes root to mount; without root see `A pool whose database can't write` and `A private server on a full disk`.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A system on a full disk` {
    private static var canMount: Bool {
        geteuid() == 0 && system("t=$(mktemp -d) && mount -t tmpfs -o size=1m none $t 2>/dev/null && umount $t && rmdir $t") == 0
    }

    @Test(.enabled(if: canMount, "mounting a small disk takes root; what it rests on is tested without"))
    func `says that it is not ready while writes fail, and heals when there is space`() async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try #require(system("mount -t tmpfs -o size=256m none \(directory)") == 0)
            defer { _ = system("umount -l \(directory)") }
            let running = try await RunningSystem(dataDirectory: "\(directory)/data")
            let ann = try await Client(base: running.api).signedUp("ann")
            let ready = running.api.replacingOccurrences(of: "/api/v1", with: "/ready")
            try await until("it is ready") { try await ann.call(.GET, ready).status == 200 }

            _ = system("cat /dev/zero > \(directory)/filler 2>/dev/null")
            let text = String(repeating: "long enough to need a page of its own. ", count: 4000)
            let post = #"{"title":"Post","content":"\#(text)"}"#
            // Pages that are there already take some; then one is refused.
            async let refused: Void = until("a write fails") { try await ann.call(.POST, "/posts", json: post).status != 201 }
            try await until("it is not ready") { try await ann.call(.GET, ready).status == 503 }
            try await refused
            // And it stays so as long as nothing can be written.
            #expect(try await ann.call(.GET, ready).status == 503)

            unlink("\(directory)/filler")
            try await until("it is ready again") { try await ann.call(.GET, ready).status == 200 }
            try await until("a write succeeds") { try await ann.call(.POST, "/posts", json: #"{"title":"After","content":"x"}"#).status == 201 }
            #expect(await running.interrupt() == 0)
        }
    }

    private func until(_ goal: Comment, _ isReached: () async throws -> Bool) async throws {
        do { try await eventually(isReached) } catch is WaitedInVain { Issue.record(goal) }
    }
}
