import AuthService
import Crypto
import Logging
import Vault

/// The keys that this process holds.
struct Secrets: Sendable {
    let masterKey: MasterKey
    /// 64 hexadecimal digits as they stand in the file. Services trust each other by it.
    let serviceKey: [UInt8]

    /// Locks the keys that tokens are signed with.
    var wrapping: KeyWrapping { KeyWrapping(masterKey) }

    /// The keys of a system that was started before; makes none.
    static func read(_ settings: Settings, from directory: DataDirectory, logger: Logger) throws -> Secrets {
        Secrets(
            masterKey: try settings.masterKey(in: directory, logger: logger),
            serviceKey: Array(try directory.key("service.key").read(logger).utf8.prefix(64)))
    }
}

extension Settings {
    /// The file of the master key; nil when the key itself is set.
    func masterKeyFile(in directory: DataDirectory) -> KeyFile? {
        masterKey == nil ? masterKeyFile.map(KeyFile.init) ?? directory.key("master.key") : nil
    }

    func masterKey(in directory: DataDirectory, logger: Logger) throws -> MasterKey {
        guard let text = try masterKeyFile(in: directory)?.read(logger) ?? masterKey, let key = MasterKey(hexadecimal: text) else {
            throw Failure("the master key is not 64 hexadecimal digits")
        }
        return key
    }
}

extension KeyWrapping {
    init(_ masterKey: MasterKey) {
        self.init(wrap: { try masterKey.wrap($0, for: "signing-key") }, unwrap: { try masterKey.unwrap($0, for: "signing-key") })
    }
}
