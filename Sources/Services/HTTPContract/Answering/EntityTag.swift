import Crypto
package import HTTPTypes

/// The entity tag of one entity as a query answers it: `"<version>.<16 hex digits of the body's SHA-256>"`. Linear in the body.
package func entityTag(version: Int, body: some Sequence<UInt8>) -> String { "\"\(version).\(digest(of: body))\"" }

/// The entity tag of a list: a digest of its body.
package func entityTag(listBody body: some Sequence<UInt8>) -> String { "\"\(digest(of: body))\"" }

private func digest(of body: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    let wasContiguous: Void? = body.withContiguousStorageIfAvailable { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    if wasContiguous == nil { hash.update(data: Array(body)) }
    let head = hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return head.hexadecimal
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
