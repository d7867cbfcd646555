import Glibc
package import Logging
package import Postgres
import PrivatePostgres

/// One throw-away PostgreSQL server for the test process: started by the first test that needs it, gone when the process ends, however it ends.
package final class TestCluster: Sendable {
    /// Quiet unless something is critical.
    package static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    /// The one server. Starting it blocks, so all but the first test wait on threads of their own.
    package static var shared: TestCluster {
        get async throws { try await onOwnThread("test-cluster") { started }.get() }
    }

    private static let started: Result<TestCluster, any Error> = Result {
        let cluster = try TestCluster()
        atexit { TestCluster.end() }
        return cluster
    }

    private let directory: String
    private let server: PrivateServer
    private let location: PrivateServer.Location

    private init() throws {
        var template = Array("\(temporaryFolder)/annals-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PrivateServerError.folderUnwritable(temporaryFolder) }
        directory = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        server = PrivateServer(directory: directory, durability: .throwaway, logger: Self.logger)
        try server.startBlocking()
        guard let location = PrivateServer.locate(directory: directory) else { throw PrivateServerError.failedToStart(logTail: "it is gone") }
        self.location = location
        try Watchdog.guardCluster(in: directory)
    }

    /// How to connect to a database as the superuser.
    package func target(database: String) -> ConnectionTarget { location.target(database: database) }

    private static func end() {
        guard case .success(let cluster) = started else { return }
        // The watchdog removes the folder once the lock is free.
        cluster.server.stopBlocking(within: .seconds(5))
    }
}

/// Where test servers make their folders.
let temporaryFolder: String = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
