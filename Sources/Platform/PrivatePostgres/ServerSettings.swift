import FoundationEssentials
import Glibc

/// How sure the server is to keep what it has acknowledged.
package enum Durability: Sendable {
    /// Survives a power failure.
    case full
    /// Survives nothing but a clean stop; fast. For tests.
    case throwaway
}

/// The server's configuration files, made anew at each start.
struct ServerSettings {
    let port: Int
    let socketFolder: String
    let durability: Durability
    /// Where finished WAL is copied to; nil for nowhere.
    var archive: String?
    var recovery: Recovery?

    /// `[(name, text)]`.
    var files: [(String, String)] { [("postgresql.conf", configuration), ("pg_hba.conf", access), ("pg_ident.conf", accounts)] }

    private var configuration: String {
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
            \(archiving)\(recovery?.settings ?? "")
            include_if_exists = 'local.conf'

            """
    }

    /// A segment gets its name in the archive when it is whole and on the disk. One that is there already is taken for done only if it is the same.
    private var archiving: String {
        guard let archive else { return "" }
        let folder = archive.quotedForShell
        let command = """
            cmp -s "%p" \(folder)/%f || { test ! -e \(folder)/%f && cp "%p" \(folder)/%f.partial && sync \(folder)/%f.partial \
            && mv \(folder)/%f.partial \(folder)/%f && sync \(folder); }
            """
        // A quiet system ends a segment each minute, so no more than that is missing from the archive.
        return "archive_mode = on\narchive_command = '\(command.quoted)'\narchive_timeout = 60\n"
    }

    /// The superuser's door is for the account that runs this program: the kernel tells the server which account is at the other end of the socket.
    /// An account without a name can't be told from others that way; then the server runs as that account, too, and the socket lies in a folder
    /// closed to all others. Any other log-in needs a password of its own, and has none unless it is given one.
    private var access: String {
        let method = Self.accountName == nil ? "trust" : "peer map=annals"
        return "local all postgres \(method)\nlocal replication postgres \(method)\nlocal all all scram-sha-256\n"
    }

    /// The account that runs this program, and root. Not the account that the server runs as, which may have other uses on the machine.
    private var accounts: String {
        let names = Set(["root", Self.accountName ?? "root"])
        return names.sorted().map { "annals \"\($0)\" postgres\n" }.joined()
    }

    private static var accountName: String? { getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } }
}

extension String {
    /// For a quoted value of postgresql.conf.
    fileprivate var quoted: String { replacing("\\", with: "\\\\").replacing("'", with: "''") }

    /// As one word of a command of PostgreSQL's, in which a percent sign begins a placeholder.
    fileprivate var quotedForShell: String { "'" + replacing("'", with: "'\\''").replacing("%", with: "%%") + "'" }
}
