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
