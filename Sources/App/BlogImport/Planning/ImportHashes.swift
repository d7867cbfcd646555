package import EventSourcing
import Foundation

/// The keyed hashes by which an import knows its files and authors again, on any machine that has the system's keys.
package struct ImportHashes: Sendable {
    private let hasher: any KeyedHasher
    /// Of the blog's name; files and authors of two blogs have nothing in common.
    let collection: String
    private let blog: String

    /// - Parameter blog: the name that the operator gives the blog, where there are several.
    package init(_ hasher: any KeyedHasher, blog: String) {
        self.hasher = hasher
        self.blog = blog
        collection = Self.text(hasher.hash(["import", blog]))
    }

    func source(_ path: String) -> String { hash("source", path) }
    func author(_ key: String) -> String { hash("author", key.precomposedStringWithCanonicalMapping) }
    func digest(_ post: BlogPost) -> String { hash("digest", post.importedParts) }

    /// A short text for people and addresses.
    func tag(of key: String) -> String {
        String(Data(hasher.hash(["import tag", blog, key]).prefix(4)).map { String(256 + Int($0), radix: 16).dropFirst() }.joined())
    }

    /// An `Idempotency-Key`, equal for equal parts in each run: a run that follows a killed one repeats its requests.
    func key(_ parts: [String]) -> String { "import-" + hash("key", parts) }

    /// A password that nobody knows and that needs no keeping: it takes the system's claim key to make it again.
    func password(_ parts: [String]) -> String { Self.encoded(hasher.hash(["import password", blog] + parts)) }

    private func hash(_ purpose: String, _ part: String) -> String { hash(purpose, [part]) }
    private func hash(_ purpose: String, _ parts: [String]) -> String { Self.text(hasher.hash(["import \(purpose)", blog] + parts)) }

    private static func text(_ hash: [UInt8]) -> String { encoded(hash.prefix(16)) }

    private static func encoded(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
