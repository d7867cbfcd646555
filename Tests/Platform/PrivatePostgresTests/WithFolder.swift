import Foundation
import Logging
import PrivatePostgres
import TestSupport

/// A folder for one test, removed afterwards with any server left in it.
func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    let folder = FileManager.default.temporaryDirectory.appending(path: "annals-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    do {
        let value = try await body(folder)
        try FileManager.default.removeItem(atPath: folder)
        return value
    } catch {
        try FileManager.default.removeItem(atPath: folder)
        throw error
    }
}

/// A server that is started, and stopped whatever happens.
func withServer<T>(
    _ directory: String, _ durability: Durability = .throwaway, binaries: String? = nil, logger: Logger = TestCluster.logger,
    _ body: (PrivateServer) async throws -> T
) async throws -> T {
    let server = PrivateServer(directory: directory, durability: durability, binaries: binaries, logger: logger)
    do {
        try await server.start()
        let value = try await body(server)
        await server.stop()
        return value
    } catch {
        await server.stop()
        throw error
    }
}
