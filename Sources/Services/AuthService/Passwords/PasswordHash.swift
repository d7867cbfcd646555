import CArgon2

/// The cost of an argon2id hash (RFC 9106 §3.1).
package struct Argon2Parameters: Sendable, Hashable {
    /// KiB of memory.
    package let memory: UInt32
    /// The number of passes over the memory.
    package let passes: UInt32
    /// The number of lanes. libargon2 starts a thread for each, so it is 1 here.
    package let lanes: UInt32

    /// Takes the costs unchecked. libargon2 refuses those below its minimum (8 KiB a lane, one pass).
    package init(memory: UInt32, passes: UInt32, lanes: UInt32 = 1) {
        self.memory = memory
        self.passes = passes
        self.lanes = lanes
    }

    /// 19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet's first choice.
    package static let standard = Argon2Parameters(memory: 19_456, passes: 2)

    /// Whether a hash with this cost is cheaper to attack than one with the other.
    func isWeaker(than other: Argon2Parameters) -> Bool { memory < other.memory || passes < other.passes }
}

/// A password's hash in the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>`, which names its own cost.
package struct PasswordHash: Sendable, Hashable {
    /// The string.
    package let text: String

    /// Takes a stored string unchecked.
    package init(_ text: String) { self.text = text }

    /// Its cost; nil if the text is not an argon2id PHC string.
    package var parameters: Argon2Parameters? {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id" else { return nil }
        let costs = parts[3].split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
        func cost(_ name: String) -> UInt32? {
            costs.first { $0.count == 2 && $0[0] == name }.flatMap { UInt32($0[1]) }
        }
        guard let memory = cost("m"), let passes = cost("t"), let lanes = cost("p") else { return nil }
        return Argon2Parameters(memory: memory, passes: passes, lanes: lanes)
    }
}

/// argon2id (RFC 9106) as libargon2 computes it. It blocks and takes megabytes, so only `PasswordHasher` calls it, on its own threads.
enum Argon2id {
    /// The length of a hash, in bytes.
    private static let hashLength = 32

    static func hash(_ password: String, salt: [UInt8], with parameters: Argon2Parameters) throws(Argon2Error) -> PasswordHash {
        let length = argon2_encodedlen(parameters.passes, parameters.memory, parameters.lanes, UInt32(salt.count), UInt32(hashLength), Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let password = Array(password.utf8)
        let code = argon2id_hash_encoded(
            parameters.passes, parameters.memory, parameters.lanes, password, password.count, salt, salt.count, hashLength, &encoded, encoded.count)
        guard code == ARGON2_OK.rawValue else { throw Argon2Error(code: code) }
        return PasswordHash(String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    /// Whether the password is the one that was hashed. Compares in constant time. Throws if the hash is not an argon2id string.
    static func verify(_ password: String, against hash: PasswordHash) throws(Argon2Error) -> Bool {
        let password = Array(password.utf8)
        let code = argon2id_verify(hash.text, password, password.count)
        switch code {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        default: throw Argon2Error(code: code)
        }
    }
}

/// Why libargon2 failed: no memory, or a text that is not an argon2id hash.
struct Argon2Error: Error, CustomStringConvertible {
    let code: Int32

    var description: String { "argon2: \(argon2_error_message(code).map { String(cString: $0) } ?? "error \(code)")" }
}
