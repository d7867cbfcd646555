import Audit
import FoundationEssentials
import Glibc
import Logging
import Vault

/// A key file, or a folder of them. It is refused while everybody on the machine can read it, because somebody may know the key already.
struct KeyFile: Sendable {
    let path: String

    var isMissing: Bool { access(path, F_OK) != 0 && errno == ENOENT }

    /// The secret in it: 64 hexadecimal digits.
    func read(_ logger: Logger) throws -> String {
        // By its descriptor, so that the file that is checked is the file that is read.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw Failure("the key file \(path) is missing; \(CommandName.of("keys init")) makes those of a new system") }
            throw Failure("the key file \(path) can't be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure("the key file \(path) can't be read") }
        try requirePrivacy(of: status, remedy: "chmod 600", logger)
        // Longer than any key.
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Failure("the key file \(path) can't be read") }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard MasterKey(hexadecimal: text) != nil else { throw Failure("the key file \(path) does not hold 64 hexadecimal digits") }
        return text
    }

    /// The 32 bytes that the digits stand for.
    func readBytes(_ logger: Logger) throws -> [UInt8] {
        let digits = try read(logger).compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Creates the file with a new secret, atomically. Never replaces a key, because sealed data would be lost with it.
    func create() throws {
        do {
            try AtomicFile(path).create(MasterKey.generate() + "\n")
        } catch {
            throw Failure("\(error)")
        }
    }

    /// Refuses what others than its owner and group may read, write or pass, and warns of what the group may: secrets mounted into containers belong
    /// to a group. Refuses what belongs to another account, which may do as it likes with it.
    func requirePrivacy(_ logger: Logger) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        try requirePrivacy(of: status, remedy: status.st_mode & S_IFMT == S_IFDIR ? "chmod 700" : "chmod 600", logger)
    }

    private func requirePrivacy(of status: stat, remedy: String, _ logger: Logger) throws {
        try requireTrustedOwner(of: path, status)
        let mode = String(status.st_mode & 0o777, radix: 8)
        guard status.st_mode & 0o007 == 0 else {
            throw Failure("\(path) is open to every user of this machine (mode \(mode)), and keys are secret: \(remedy) \(path)")
        }
        if status.st_mode & 0o070 != 0 { logger.warning("a key is open to its file's group", metadata: ["path": "\(path)", "mode": "\(mode)"]) }
    }
}

/// Refuses a file or folder of another account's than this process's or root's: that account can change it at any time.
func requireTrustedOwner(of path: String, _ status: stat) throws {
    guard status.st_uid != geteuid(), status.st_uid != 0 else { return }
    let owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "the user \(status.st_uid)"
    throw Failure("\(path) belongs to \(owner), who can change it at any time: run this as \(owner), or chown it")
}
