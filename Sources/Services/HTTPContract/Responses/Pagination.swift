import AccessTokens
import Crypto
import EventSourcing
package import JSON

/// The `pagination` member of a list.
package struct Pagination: Sendable, Equatable {
    package var limit: Int
    package var total: Int64
    /// The page asked for, counted from 1; nil when a cursor was used.
    package var page: Int?
    /// Where the next page starts; nil on the last one.
    package var nextCursor: String?

    package init(limit: Int, total: Int64, page: Int? = nil, nextCursor: String? = nil) {
        self.limit = limit
        self.total = total
        self.page = page
        self.nextCursor = nextCursor
    }

    /// How many pages there are.
    package var pages: Int64 { (total + Int64(limit) - 1) / Int64(limit) }

    /// Writes it as an object.
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.name("limit")
            $0.integer(limit)
            $0.name("total")
            $0.integer(total)
            if let page {
                $0.name("page")
                $0.integer(page)
                $0.name("pages")
                $0.integer(pages)
            }
            if let nextCursor {
                $0.name("nextCursor")
                $0.string(nextCursor)
            }
        }
    }
}

/// The secret that the instances of one service seal their cursors with: any of them takes what another has given out.
package struct CursorKey: Sendable {
    fileprivate let root: SymmetricKey

    /// - Parameter bytes: 32 random bytes or more.
    package init(bytes: some Sequence<UInt8>) { root = SymmetricKey(data: Array(bytes)) }
}

/// List cursors: opaque to clients, and refused when a client made or changed one. `base64url(JSON array).base64url(16 bytes of HMAC-SHA-256)`.
package struct CursorCodec: Sendable {
    /// Longer ones are refused unread.
    private static let maximumBytes = 1024
    private static let codeBytes = 16

    private let key: SymmetricKey

    /// - Parameter purpose: names the list; a cursor of another list is then no cursor here.
    package init(key: CursorKey, purpose: String = "list") {
        self.key = HKDF<SHA256>.deriveKey(inputKeyMaterial: key.root, info: Array("annals cursor \(purpose)".utf8), outputByteCount: 32)
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
