import Foundation
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The page for operators` {
    /// The number of its blocks that are run. Fewer would mean that a page is not read as it is written.
    private static let pages = [("back-up.md", 11), ("keys.md", 11), ("upgrade.md", 9), ("alerts.md", 13), ("run.md", 11), ("metrics.md", 1)]

    @Test(arguments: pages) func `holds word by word`(name: String, blocks: Int) async throws {
        let page = try OperatorPage(name)
        let run = page.steps.count { step in
            switch step {
            case .start, .run: true
            case .stop, .kill, .expect: false
            }
        }
        #expect(run == blocks)
        try await withRepositoryCopy { root in
            try await withServer { server in
                try await withDatabases(at: server) { urls in
                    let reader = try OperatorPageReader(root: root, otherDatabases: urls)
                    // Alerts and metrics are of a system that runs already.
                    if ["alerts.md", "metrics.md"].contains(name) { try await reader.begin() }
                    try await reader.read(page)
                }
            }
        }
    }
}
