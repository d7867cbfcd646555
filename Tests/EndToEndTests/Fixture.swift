import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import Testing

/// Where the repository lies.
let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// The real blog beside the project.
let blogFolder = repositoryRoot + "/../shared/data/swift-org-blog"

/// The time limit of a test, in minutes: far more than it needs, since a machine may be slow. With ANNALS_LONG_TESTS=1 tests do more.
let longestTest = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 240 : 60

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

extension RunningSystem {
    /// A new admin, signed in.
    func admin(_ username: String = "root") async throws -> Client {
        let anyone = Client(base: api)
        _ = try await anyone.signedUp(username)
        let promotion = try await annals("users", "promote", "\(username)@example.org")
        try #require(promotion.code == 0, "\(promotion.output)")
        let login = try await anyone.call(
            .POST, "/auth/login", json: #"{"email":"\#(username)@example.org","password":"a password of \#(username)"}"#)
        return Client(base: api, token: try #require(login.data["accessToken"]?.text))
    }
}

/// Lets this process, and those that it starts, have as many descriptors as it may.
func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
