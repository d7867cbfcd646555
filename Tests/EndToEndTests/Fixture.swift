import EventSourcing
import Foundation

/// Where the repository lies.
let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// The real blog beside the project.
let blogFolder = repositoryRoot + "/../shared/data/swift-org-blog"

/// Of tests that do more with ANNALS_LONG_TESTS=1, in minutes.
let longestTest = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 240 : 15

/// A fresh data folder, removed afterwards.
func withDataDirectory(_ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("annals-" + UUID().uuidString.prefix(8)).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

/// A running system for one test; stopped by Ctrl-C afterwards.
func withSystem(
    environment: [String: String] = [:], isLimited: Bool = false, isApart: Bool? = nil, _ body: (RunningSystem, Client) async throws -> Void
) async throws {
    try await withDataDirectory { directory in
        let system =
            if let isApart {
                try await RunningSystem(dataDirectory: directory, environment: environment, isLimited: isLimited, isApart: isApart)
            } else {
                try await RunningSystem(dataDirectory: directory, environment: environment, isLimited: isLimited)
            }
        do {
            try await body(system, Client(base: system.api))
        } catch {
            _ = await system.interrupt()
            throw error
        }
        _ = await system.interrupt()
    }
}
