package import FoundationEssentials

/// The name of one stream: `<category>-<uuid>`, such as `post-0198a3c4-…`. The uuid is a version 7 one, so a stream's name also says when it was
/// born.
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
        var name = name
        guard let read = name.withUTF8({ StreamName(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = read
    }

    /// Reads the same from UTF-8.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        let bytes = bytes.bindMemory(to: UInt8.self)
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")), dash > 0, case let category = bytes[..<dash],
            category.allSatisfy({ UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }),
            let id = UUID(lowercase: UnsafeBufferPointer(rebasing: bytes[(dash + 1)...]))
        else { return nil }
        self.init(String(decoding: category, as: UTF8.self), id)
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
