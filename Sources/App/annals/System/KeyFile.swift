import FoundationEssentials
import Glibc
import Logging
import Vault

/// A key file, or a folder of them. It is refused while everybody on the machine can read it, because somebody may know the key already.
struct KeyFile: Sendable {
    let path: String

    /// The secret in it: 64 hexadecimal digits.
    func read(_ logger: Logger) throws -> String {
        // By its descriptor, so that the file that is checked is the file that is read.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("the key file \(path) can't be read") }
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

    /// Refuses a file that others than its owner and group may read, write or pass. Warns of rights of the group, which secrets mounted
    /// into containers have.
    func requirePrivacy(_ logger: Logger) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        try requirePrivacy(of: status, remedy: status.st_mode & S_IFMT == S_IFDIR ? "chmod 700" : "chmod 600", logger)
    }

    private func requirePrivacy(of status: stat, remedy: String, _ logger: Logger) throws {
        let mode = String(status.st_mode & 0o777, radix: 8)
        guard status.st_mode & 0o007 == 0 else {
            throw Failure("\(path) is open to every user of this machine (mode \(mode)), and keys are secret: \(remedy) \(path)")
        }
        if status.st_mode & 0o070 != 0 { logger.warning("a key is open to its file's group", metadata: ["path": "\(path)", "mode": "\(mode)"]) }
    }
}
