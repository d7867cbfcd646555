package import Postgres

extension PrivateServer {
    /// Where a running server's socket is.
    package struct Location: Sendable, Equatable {
        /// The folder of the socket.
        package let socketFolder: String
        /// The socket's number.
        package let port: Int

        /// How to connect to a database, as the superuser.
        package func target(database: String) -> ConnectionTarget {
            ConnectionTarget(socketDirectory: socketFolder, port: port, user: "postgres", database: database)
        }
    }

    /// The server that runs in `directory`, started by any program; nil when none does.
    package static func locate(directory: String) -> Location? {
        guard let folder = ServerFolder(existing: directory), let running = Postmaster.running(on: folder) else { return nil }
        return Location(socketFolder: running.socketFolder, port: running.port)
    }
}
