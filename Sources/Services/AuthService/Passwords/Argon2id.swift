import CArgon2

/// argon2id (RFC 9106) as libargon2 computes it. It blocks and takes megabytes: only `PasswordHasher` calls it, on threads of its own.
enum Argon2id {
    /// The length of a hash, in bytes.
    private static let hashLength = 32

    static func hash(_ password: String, salt: [UInt8], with parameters: Argon2Parameters) throws(Argon2Error) -> PasswordHash {
        let length = argon2_encodedlen(
            parameters.passes, parameters.memory, parameters.lanes, UInt32(salt.count), UInt32(hashLength), Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let password = Array(password.utf8)
        let code = argon2id_hash_encoded(
            parameters.passes, parameters.memory, parameters.lanes, password, password.count, salt, salt.count, hashLength, &encoded, encoded.count)
        guard code == ARGON2_OK.rawValue else { throw Argon2Error(code: code) }
        return PasswordHash(String(decoding: encoded.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    /// Whether the password is the one that was hashed. Compares in constant time. Throws for a hash that is no argon2id string.
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

/// Why libargon2 did not do its work: no memory, or a text that is no argon2id hash.
struct Argon2Error: Error, CustomStringConvertible {
    let code: Int32

    var description: String { "argon2: \(argon2_error_message(code).map { String(cString: $0) } ?? "error \(code)")" }
}
