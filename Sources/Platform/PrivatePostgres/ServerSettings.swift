/// How safely the server keeps acknowledged commits.
package enum Durability: Sendable {
    /// Survives a power failure.
    case full
    /// Survives nothing but a clean stop; fast. For tests.
    case throwaway
}

/// The server's configuration files, written anew at each start.
struct ServerSettings {
    let port: Int
    let socketFolder: String
    let durability: Durability

    var configuration: String {
        let isDurable = durability == .full
        return """
            # Written at each start; put changes into local.conf beside this file.
            listen_addresses = ''
            port = \(port)
            unix_socket_directories = '\(socketFolder.quoted)'
            unix_socket_permissions = 0700
            max_connections = \(isDurable ? 100 : 500)
            shared_buffers = '\(isDurable ? 256 : 64)MB'
            max_wal_size = '2GB'
            wal_level = replica
            fsync = \(isDurable ? "on" : "off")
            synchronous_commit = \(isDurable ? "on" : "off")
            full_page_writes = \(isDurable ? "on" : "off")
            # Compiling a plan takes longer than any statement here runs.
            jit = off
            logging_collector = off
            log_line_prefix = '%m [%p] '
            # Nothing that could quote a row or a parameter.
            log_error_verbosity = terse
            log_statement = none
            log_min_error_statement = panic
            log_min_duration_statement = -1
            log_parameter_max_length = 0
            lc_messages = 'C'
            timezone = 'UTC'
            include_if_exists = 'local.conf'

            """
    }

    /// Whoever may open the socket, in a folder closed to others, is the owner.
    var access: String { "local all all trust\nlocal replication all trust\n" }
}

extension String {
    /// For a quoted value of postgresql.conf.
    fileprivate var quoted: String { split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") }
}
