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
    /// The account that may connect; nil for any that can open the socket: in tests, and for an account without a name, whose folder nobody else can
    /// enter.
    let accountName: String?

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

    /// pg_hba.conf. The folder of the socket is closed to other accounts but that of the server itself, which is another when root starts it.
    var access: String {
        let method = accountName == nil ? "trust" : "peer map=annals"
        return "local all all \(method)\nlocal replication all \(method)\n"
    }

    /// pg_ident.conf: the account that runs this program is the superuser, and no other account is anybody.
    var accounts: String { accountName.map { "annals \"\($0)\" postgres\n" } ?? "" }
}

extension String {
    /// For a quoted value of postgresql.conf.
    fileprivate var quoted: String { split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") }
}
