import Crypto
package import HTTPTypes

/// The weak entity tag of one entity as a query answers it: `W/"<version>.<16 hex digits of the body's SHA-256>"`. Linear in the body.
/// - Parameter excluded: parts of the body that the digest leaves out, in order: view counts, which each reader changes.
package func entityTag(version: Int, body: [UInt8], excluding excluded: [Range<Int>] = []) -> String {
    "W/\"\(version).\(digest(of: body, excluding: excluded))\""
}

/// The weak entity tag of a list: a digest of its body.
package func entityTag(listBody body: [UInt8], excluding excluded: [Range<Int>] = []) -> String { "W/\"\(digest(of: body, excluding: excluded))\"" }

/// The strong entity tag of a body that is sent byte for byte.
package func entityTag(body: [UInt8]) -> String { "\"\(digest(of: body, excluding: []))\"" }

private func digest(of body: [UInt8], excluding excluded: [Range<Int>]) -> String {
    var hash = SHA256()
    body.withUnsafeBytes { bytes in
        var start = 0
        for range in excluded {
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[start..<range.lowerBound]))
            start = range.upperBound
        }
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
    return hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }.hexadecimal
}

extension HTTPFields {
    /// `ETag` of an entity after a command.
    package mutating func setETag(version: Int) { self[.eTag] = "\"\(version)\"" }

    /// `ETag` as `entityTag` made it.
    package mutating func setETag(_ tag: String) { self[.eTag] = tag }

    /// `Position` of a command's last event.
    package mutating func setPosition(_ position: Int64) { self[.position] = String(position) }

    /// `Read-Model-Position` of a query.
    package mutating func setReadModelPosition(_ position: Int64) { self[.readModelPosition] = String(position) }

    /// `Idempotency-Replayed`: this answer was given before.
    package mutating func markReplayed() { self[.idempotencyReplayed] = "true" }
}

/// The value of `If-Match` or `If-None-Match` (RFC 9110 §13.1): `*`, or entity tags with commas between them.
package enum EntityTagList: Equatable {
    /// The text between the quotes, of weak and strong tags alike.
    case tags([WireText])
    case anything

    /// Nil when the text does not have that form, or names no tag. Commas may stand inside the quotes. One pass over the bytes.
    package init?(_ text: WireText) {
        if text.trimmingBlanks == "*" {
            self = .anything
            return
        }
        var tags: [WireText] = []
        var rest = text.trimmingBlanks
        while !rest.isEmpty {
            // An empty element is nothing (RFC 9110 §5.6.1.2).
            if rest.first != UInt8(ascii: ",") {
                guard let (tag, after) = Self.takeTag(rest) else { return nil }
                tags.append(tag)
                rest = after.droppingBlanks
                guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
            }
            rest = rest.dropFirst().droppingBlanks
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }

    /// The tag that the text starts with, and what follows it; nil when it starts with something else.
    private static func takeTag(_ text: WireText) -> (WireText, WireText)? {
        let quoted = text.starts(with: "W/") ? text.dropFirst(2) : text
        guard quoted.first == UInt8(ascii: "\""), let (opaque, rest) = quoted.dropFirst().cut(at: "\"") else { return nil }
        // etagc: anything visible but the quote, and bytes past ASCII.
        guard opaque.allSatisfy({ $0 == 0x21 || 0x23...0x7E ~= $0 || $0 >= 0x80 }) else { return nil }
        return (opaque, rest)
    }
}
