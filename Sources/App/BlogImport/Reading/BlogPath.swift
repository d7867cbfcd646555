import Foundation

/// A path inside a blog's folder: the bytes that the file system has, whatever their encoding.
struct BlogPath: Sendable, Hashable {
    let bytes: [UInt8]

    static let root = BlogPath(bytes: [])

    /// The path in UTF-8, or in Latin-1 where it is no UTF-8, composed: one name whichever system the folder was copied from.
    var text: String {
        let text = String(validating: bytes, as: UTF8.self) ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        return text.precomposedStringWithCanonicalMapping
    }

    func appending(_ name: some Collection<UInt8>) -> BlogPath {
        BlogPath(bytes: bytes.isEmpty ? Array(name) : bytes + [UInt8(ascii: "/")] + name)
    }

    func appending(_ name: String) -> BlogPath { appending(name.utf8) }

    /// The last part, and the folder that it is in.
    var name: ArraySlice<UInt8> { bytes[(bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...] }
    var folder: BlogPath { BlogPath(bytes: Array(bytes[..<(bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0)])) }
}
