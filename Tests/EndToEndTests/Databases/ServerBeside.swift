import Foundation
import Logging
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// A PostgreSQL server that an operator would run beside the system. It waits for no disk.
/// - Parameters:
///   - settings: lines for its configuration.
///   - programs: the folder to take its programs from; nil for the usual places.
func withServer(settings: String? = nil, programs: String? = nil, _ body: (PrivateServer.Location) async throws -> Void) async throws {
    try await withDataDirectory { directory in
        var server = PrivateServer(directory: directory, durability: .throwaway, binaries: programs, logger: .init(label: "tests"))
        try await server.start()
        if let settings {
            await server.stop()
            try Data(settings.utf8).write(to: URL(fileURLWithPath: "\(directory)/data/local.conf"))
            server = PrivateServer(directory: directory, durability: .throwaway, binaries: programs, logger: .init(label: "tests"))
            try await server.start()
        }
        do {
            try await body(try #require(PrivateServer.locate(directory: directory)))
        } catch {
            await server.stop(within: .seconds(3))
            throw error
        }
        await server.stop(within: .seconds(3))
    }
}

/// Makes the four databases on a server and gives the settings that name them.
func withDatabases(at location: PrivateServer.Location, _ body: ([String: String]) async throws -> Void) async throws {
    for name in ["log", "read", "identity", "vault"] { try await execute("CREATE DATABASE annals_\(name)", at: location) }
    try await body(urlsOfDatabases(at: location) { "annals_\($0)" })
}

/// Lets every account of the machine in, by whatever name and without a password.
func letEveryUserIn(at location: PrivateServer.Location) async throws {
    let folder = URL(filePath: location.socketFolder).deletingLastPathComponent()
    try Data("local all all trust\nlocal replication all trust\n".utf8).write(to: folder.appending(path: "data/pg_hba.conf"))
    try await execute("SELECT pg_reload_conf()", at: location)
}

/// Each statement by itself: a database can't be made in a transaction.
func execute(_ sql: String, at location: PrivateServer.Location, as user: String = "postgres") async throws {
    let target = ConnectionTarget(socketDirectory: location.socketFolder, port: location.port, user: user, database: "postgres")
    try await ConnectionPool.withPool(target, limits: .patient, logger: .init(label: "tests")) { pool in
        for statement in sql.split(separator: ";") { try await pool.withSession { try await $0.execute(script: String(statement)) } }
    }
}
