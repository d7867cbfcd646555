/// Writes events as the text of an export, page by page.
package protocol ExportEncoder: Sendable {
    /// The text of a page's events, to be written behind what was encoded before.
    mutating func encode(_ page: TrailPage) async throws -> [UInt8]

    /// What is to be written at the end, after the last page.
    mutating func finish() async throws -> [UInt8]
}

/// The canonical JSON of each event as it is stored, one a line: what anybody can hash, and what the Merkle log has hashed.
package struct SealedLines: ExportEncoder {
    private var text = CanonicalJSON()

    package init() {}

    package mutating func encode(_ page: TrailPage) throws -> [UInt8] {
        text.removeAll()
        try page.forEach { event throws in
            try text.append(event)
            text.append(UInt8(ascii: "\n"))
        }
        return text.bytes
    }

    package mutating func finish() -> [UInt8] { [] }
}
