package import AccessTokens
import Crypto
package import JSON

/// List cursors: opaque to clients, and refused when a client made or changed one. `base64url(JSON array).base64url(16 bytes of HMAC-SHA-256)`.
package struct CursorCodec: Sendable {
    /// Longer ones are refused unread.
    private static let maximumBytes = 1024
    private static let codeBytes = 16

    private let key: SymmetricKey

    /// - Parameter purpose: names the list; a cursor of another list is then no cursor here.
    package init(key: ServiceKey, purpose: String = "list") {
        self.key = key.subkey("cursor \(purpose)")
    }

    package func encode(_ values: [JSONValue]) -> String {
        let payload = JSONValue.array(values).encoded
        return Base64URL.encode(payload) + "." + Base64URL.encode(code(payload))
    }

    /// The values of a cursor that this key made, else 400.
    package func decode(_ text: String) throws(Problem) -> [JSONValue] {
        guard text.utf8.count <= Self.maximumBytes, let (first, second) = WireText(text).cut(at: "."),
            let payload = Base64URL.decode(first.text.utf8), let given = Base64URL.decode(second.text.utf8), Self.equal(given, code(payload)),
            case .array(let values)? = try? JSONValue.parse(payload)
        else { throw .malformed("The cursor is not one that was given out here.") }
        return values
    }

    private func code(_ payload: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: payload, using: key).prefix(Self.codeBytes))
    }

    /// Takes the same time wherever the two differ.
    private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
