import FoundationEssentials
import Postgres
import PrivatePostgres
import Vault

/// The log-ins of the services on the private server: a role and a password each. The passwords are made anew at each start, and kept in the memory
/// of this process and of the one that logs in.
struct ServiceLogins: Sendable {
    private let location: PrivateServer.Location
    private var passwords: [Component: String] = [:]

    /// Gives each role a new password.
    init(at location: PrivateServer.Location, _ pool: ConnectionPool) async throws {
        self.location = location
        for component in Component.allCases where component != .gateway {
            let password = MasterKey.generate()
            passwords[component] = password
            // A role's password can't be bound; it is 64 hexadecimal digits.
            let script = "ALTER ROLE annals_\(component.rawValue) LOGIN PASSWORD '\(password)'"
            try await pool.withSession { try await $0.execute(script: script) }
        }
    }

    /// The settings that name a component's databases and its log-in there.
    func settings(for component: Component) -> [String: String] {
        guard let password = passwords[component] else { return [:] }
        let folder = location.socketFolder.utf8.map { byte in "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return Dictionary(
            uniqueKeysWithValues: component.databases.map {
                ("ANNALS_\($0.uppercased())_URL", "postgres://annals_\(component.rawValue):\(password)@\(folder):\(location.port)/annals_\($0)")
            })
    }
}

extension Component {
    /// The databases that it reaches.
    var databases: [String] {
        switch self {
        case .gateway: []
        case .auth: ["log", "identity", "vault"]
        case .commands, .relay: ["log", "vault"]
        case .queries: ["read"]
        case .projector: ["log", "read", "vault"]
        }
    }
}
