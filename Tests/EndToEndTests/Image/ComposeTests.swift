import Foundation
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `The services of Docker Compose` {
    /// In namespaces instead of containers: see `Image/compose.py`.
    @Test(.enabled(if: geteuid() == 0, "namespaces for mounts and networks take root"))
    func `start in order, each with its own keys, take a post and an import, and stop in peace`() async throws {
        try await OtherPrograms.fetchSwaggerUI()
        try await withDataDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            chmod(folder, 0o755)
            let scripts = repositoryRoot + "/Tests/EndToEndTests/Image"
            // The first line installs what the second can't without a network.
            let said = try await Shell.run(
                """
                '\(repositoryRoot)/Tests/python' '\(scripts)' packages.py '\(Launch.binary.path)' libpq5 libargon2-1 >/dev/null
                unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
                    '\(repositoryRoot)/Tests/python' '\(scripts)' compose.py '\(Launch.binary.path)' '\(repositoryRoot)' '\(folder)'
                """)
            #expect(
                said.split(separator: "\n").map(String.init) == [
                    "all are healthy", "registered: 201", "posted: 201", "read: 200",
                    "imported: 1 posts read: 1 created (0 as drafts)", "verified: posts trending users view_counts",
                    "gateway: services/gateway.key", "auth: master.key services/auth.key", "commands: master.key services/commands.key",
                    "queries: cursors.key services/queries.key", "projector: audit.key master.key",
                    "gateway ends with 0", "queries ends with 0", "commands ends with 0", "auth ends with 0", "projector ends with 0",
                ])
        }
    }
}
