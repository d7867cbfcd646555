package import FoundationEssentials
import JSON

/// The source that an event's content was imported from. The four hashes are keyed, 16 bytes in base64url: equal names and texts are found
/// again, and nobody can read them.
package struct ImportOrigin: Sendable, Hashable, CustomStringConvertible {
    /// The run that brought the event.
    package var id: UUID
    /// The thing imported, such as one blog of several.
    package var collection: String
    /// The place in the collection, such as a file's path.
    package var source: String
    /// The author, as the source names them.
    package var author: String
    /// The source's whole text.
    package var digest: String

    package init(id: UUID, collection: String, source: String, author: String, digest: String) {
        self.id = id
        self.collection = collection
        self.source = source
        self.author = author
        self.digest = digest
    }

    /// The form of the `Import-Origin` header: the five parts, separated by dots.
    package var description: String { [id.lowercased, collection, source, author, digest].joined(separator: ".") }

    /// Reads that form; nil for another.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, let id = UUID(lowercase: parts[0]) else { return nil }
        self.init(id: id, hashes: parts.dropFirst())
    }

    /// The stored form.
    var json: JSONObject {
        [
            "id": .string(id.lowercased), "collection": .string(collection), "source": .string(source), "author": .string(author),
            "digest": .string(digest),
        ]
    }

    /// Reads the stored form; nil for another.
    init?(json: JSONObject) {
        let hashes = ["collection", "source", "author", "digest"].compactMap { json[$0]?.text }
        guard json.list.count == 5, hashes.count == 4, let id = json["id"]?.text.flatMap({ UUID(lowercase: $0) }) else { return nil }
        self.init(id: id, hashes: hashes[...])
    }

    private init?(id: UUID, hashes: ArraySlice<String>) {
        let isHash = { (text: String) in text.utf8.count == 22 && text.utf8.allSatisfy(Self.isBase64URL) }
        guard hashes.count == 4, hashes.allSatisfy(isHash), let first = hashes.indices.first else { return nil }
        self.init(id: id, collection: hashes[first], source: hashes[first + 1], author: hashes[first + 2], digest: hashes[first + 3])
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// A stream that an import wrote to: its events in order, without their data.
package struct ImportedStream: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package let position: Int64
        package let version: Int
        package let type: String
        package let metadata: EventMetadata

        package init(position: Int64, version: Int, type: String, metadata: EventMetadata) {
            self.position = position
            self.version = version
            self.type = type
            self.metadata = metadata
        }
    }

    package let name: StreamName
    package var entries: [Entry]

    package init(name: StreamName, entries: [Entry]) {
        self.name = name
        self.entries = entries
    }
}
