package import NIOCore

/// One event as Server-Sent Events write it (HTML standard, section 9.2).
package struct ServerSentEvent {
    /// The position up to which its reader has everything then; nil leaves the reader's last one as it is.
    let id: Int64?
    /// Visible ASCII.
    let name: String
    /// JSON as `JSONWriter` writes it: one line, for it escapes every control character.
    let json: [UInt8]

    /// How long a browser waits before it connects again, in milliseconds.
    static let retry = "retry: 2000\n"

    func write(to buffer: inout ByteBuffer) {
        buffer.writeString("event: \(name)\n")
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("data: ")
        buffer.writeBytes(json)
        buffer.writeString("\n\n")
    }
}

/// Which events a watcher wants.
package struct FeedFilter: Sendable, Hashable {
    /// Only events of these names; nil for all.
    package var names: Set<String>?
    /// Only events in streams of this category; nil for all.
    package var category: String?

    package init(names: Set<String>? = nil, category: String? = nil) {
        self.names = names
        self.category = category
    }

    fileprivate var isEverything: Bool { names == nil && category == nil }

    fileprivate func matches(_ entry: FeedPage.Entry) -> Bool {
        names?.contains(entry.name) ?? true && category.map { $0 == entry.category } ?? true
    }
}

/// A stretch of the log as watchers get it: rendered once for all of them.
package struct FeedPage: Sendable {
    fileprivate struct Entry {
        let position: Int64
        let name: String
        let category: String?
        let bytes: Range<Int>
    }

    /// It has everything after this position, …
    package let after: Int64
    /// … up to this one.
    package private(set) var through: Int64
    /// Whether something in it takes back what pages before it may show.
    package var withdraws = false
    private var entries: [Entry] = []
    private var buffer = ByteBuffer()

    /// An empty page, to be filled in the order of positions.
    package init(after: Int64) {
        self.after = after
        through = after
    }

    /// Adds an event. Of several at one position only the last carries its id, so that whoever resumes has seen all or sees all again.
    /// - Parameter isLast: whether it is the last of its position.
    package mutating func add(_ name: String, category: String? = nil, at position: Int64, isLast: Bool = true, json: [UInt8]) {
        let start = buffer.writerIndex
        ServerSentEvent(id: isLast ? position : nil, name: name, json: json).write(to: &buffer)
        entries.append(Entry(position: position, name: name, category: category, bytes: start..<buffer.writerIndex))
    }

    /// Notes that it has everything up to a position.
    package mutating func close(through position: Int64) { through = position }

    /// Bytes in memory, about.
    var size: Int { buffer.readableBytes + entries.count * 80 + 200 }

    /// The part for a watcher who has everything up to a position, and the position of its last event; nil for nothing.
    func bytes(after position: Int64, _ filter: FeedFilter) -> (buffer: ByteBuffer, last: Int64)? {
        let rest = entries.drop { $0.position <= position }
        if filter.isEverything {
            guard let first = rest.first, let last = rest.last else { return nil }
            // Shares the page's memory with all watchers.
            return buffer.getSlice(at: first.bytes.lowerBound, length: buffer.writerIndex - first.bytes.lowerBound).map { ($0, last.position) }
        }
        let wanted = rest.filter(filter.matches)
        guard let last = wanted.last else { return nil }
        var joined = ByteBuffer()
        for entry in wanted { joined.writeBytes(buffer.viewBytes(at: entry.bytes.lowerBound, length: entry.bytes.count) ?? ByteBufferView()) }
        return (joined, last.position)
    }
}
