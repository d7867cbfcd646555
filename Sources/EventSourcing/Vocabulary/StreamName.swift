package import FoundationEssentials

/// The name of one stream: `<category>-<uuid>`, such as `post-0198a3c4-…`. The uuid is a version 7 one, so a stream's name also says when it was born.
package struct StreamName: Sendable, Hashable, CustomStringConvertible {
    package let category: String
    package let id: UUID

    /// The category is a lower-case word without a dash.
    package init(_ category: String, _ id: UUID) {
        self.category = category
        self.id = id
    }

    /// Reads a stored name; nil when it does not have the form.
    package init?(_ name: String) {
        guard let dash = name.firstIndex(of: "-"), case let category = name[..<dash], !category.isEmpty,
            category.utf8.allSatisfy({ UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }), let id = UUID(lowercase: name[name.index(after: dash)...])
        else { return nil }
        self.init(String(category), id)
    }

    package var description: String {
        let length = category.utf8.count + 37
        return String(unsafeUninitializedCapacity: length) { buffer in
            let (_, end) = buffer.update(from: category.utf8)
            buffer[end] = UInt8(ascii: "-")
            _ = id.writeLowercased(to: UnsafeMutableBufferPointer(rebasing: buffer[(end + 1)...]))
            return length
        }
    }
}
