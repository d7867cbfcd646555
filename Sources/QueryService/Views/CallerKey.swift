import Crypto
import EventSourcing
import HTTPContract

/// An idempotency key as the command service gets it from here. Keys belong to their callers, and there every call is this service's: so the caller becomes part of
/// the key, hashed, which also keeps it within the 128 characters that a key may have.
enum CallerKey {
    static func scoped(_ key: String, to context: CallContext) -> String {
        let caller =
            switch context.caller {
            case .user(let user): "user \(user.id.lowercased)"
            case .service(let name): "service \(name)"
            case .anonymous: "address \(context.clientAddress ?? "")"
            }
        // A key has no line break, so caller and key can't run into each other.
        return SHA256.hash(data: Array("\(caller)\n\(key)".utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
