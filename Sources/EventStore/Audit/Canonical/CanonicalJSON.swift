/// Writes canonical JSON (RFC 8785) into one buffer that grows: members sorted by the UTF-16 code units of their names, no spaces, numbers as ECMAScript writes them.
///
/// It works on bytes and builds no tree: what it reads is the text of PostgreSQL's `jsonb`, in which strings already have exactly the escapes of RFC 8785 §3.2.2.2 and
/// names are unique. So strings pass as they are.
package struct CanonicalJSON: Sendable {
    /// The UTF-8 text so far.
    package internal(set) var bytes: [UInt8] = []
    /// Whether a number was written that says less than what it was read from: RFC 8785 knows only what an IEEE double holds.
    package internal(set) var isInexact = false
    /// The members of the objects that are being written, inner ones last.
    private var members: [Member] = []
    private var unsorted: [UInt8] = []

    /// Where a member lies in `bytes`.
    private struct Member {
        /// The name's text, without its quotes, begins here.
        let name: Int
        let nameEnd: Int
        /// Behind the value.
        var end: Int
    }

    /// How deep objects and arrays may lie in each other. PostgreSQL itself stops at a few thousand.
    private static let maximumDepth = 256

    package init() {}

    /// Forgets what was written, and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        isInexact = false
    }

    /// Writes a byte as it is, such as the end of a line.
    package mutating func append(_ byte: UInt8) { bytes.append(byte) }

    /// Writes text that already is canonical.
    package mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Writes the canonical form of one JSON value, given as the text of a `jsonb`. Throws `CanonicalFormError.malformed` for anything else.
    package mutating func append(json text: UnsafeRawBufferPointer) throws(CanonicalFormError) {
        var source = JSONSource(text)
        members.removeAll(keepingCapacity: true)
        try value(&source, depth: 0)
        guard source.isAtEnd else { throw .malformed }
    }

    /// Writes a string's canonical form.
    package mutating func append(string text: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for index in 0..<text.count where text[index] < 0x20 || text[index] == UInt8(ascii: "\"") || text[index] == UInt8(ascii: "\\") {
            bytes.append(contentsOf: text[start..<index])
            appendEscaped(text[index])
            start = index + 1
        }
        bytes.append(contentsOf: text[start...])
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a whole number.
    package mutating func append(integer: Int64) {
        var text = String(integer)
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            append("u00")
            for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10) }
        }
    }

    private mutating func value(_ source: inout JSONSource, depth: Int) throws(CanonicalFormError) {
        guard depth < Self.maximumDepth else { throw .malformed }
        switch source.next {
        case UInt8(ascii: "{"): try object(&source, depth: depth)
        case UInt8(ascii: "["): try array(&source, depth: depth)
        case UInt8(ascii: "\""): bytes.append(contentsOf: try source.string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number(source.number())
        default: bytes.append(contentsOf: try source.word())
        }
    }

    private mutating func array(_ source: inout JSONSource, depth: Int) throws(CanonicalFormError) {
        source.advance()
        bytes.append(UInt8(ascii: "["))
        source.skipSpaces()
        if source.take(UInt8(ascii: "]")) { return bytes.append(UInt8(ascii: "]")) }
        while true {
            source.skipSpaces()
            try value(&source, depth: depth + 1)
            source.skipSpaces()
            if source.take(UInt8(ascii: "]")) { return bytes.append(UInt8(ascii: "]")) }
            guard source.take(UInt8(ascii: ",")) else { throw .malformed }
            bytes.append(UInt8(ascii: ","))
        }
    }

    private mutating func object(_ source: inout JSONSource, depth: Int) throws(CanonicalFormError) {
        source.advance()
        bytes.append(UInt8(ascii: "{"))
        source.skipSpaces()
        if source.take(UInt8(ascii: "}")) { return bytes.append(UInt8(ascii: "}")) }
        let first = members.count
        var isSorted = true
        while true {
            source.skipSpaces()
            let name = bytes.count + 1
            bytes.append(contentsOf: try source.string())
            let nameEnd = bytes.count - 1
            source.skipSpaces()
            guard source.take(UInt8(ascii: ":")) else { throw .malformed }
            bytes.append(UInt8(ascii: ":"))
            source.skipSpaces()
            let index = members.count
            members.append(Member(name: name, nameEnd: nameEnd, end: 0))
            try value(&source, depth: depth + 1)
            members[index].end = bytes.count
            if isSorted, index > first { isSorted = precedes(members[index - 1], members[index]) }
            source.skipSpaces()
            if source.take(UInt8(ascii: "}")) { break }
            guard source.take(UInt8(ascii: ",")) else { throw .malformed }
            bytes.append(UInt8(ascii: ","))
        }
        if !isSorted { sort(from: first) }
        members.removeLast(members.count - first)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Puts the members from `first` on in order: the same bytes and commas, so they take the same room.
    private mutating func sort(from first: Int) {
        let start = members[first].name - 1
        let sorted = members[first...].sorted(by: precedes)
        unsorted.removeAll(keepingCapacity: true)
        unsorted.append(contentsOf: bytes[start...])
        bytes.removeLast(bytes.count - start)
        for (number, member) in sorted.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: unsorted[member.name - 1 - start..<member.end - start])
        }
    }

    private func precedes(_ left: Member, _ right: Member) -> Bool {
        bytes.withUnsafeBytes { bytes in
            MemberName.precedes(
                UnsafeRawBufferPointer(rebasing: bytes[left.name..<left.nameEnd]), UnsafeRawBufferPointer(rebasing: bytes[right.name..<right.nameEnd])
            )
        }
    }

    /// Numbers of 15 digits and no fraction are written by ECMAScript as they are here; all others take the long way.
    private mutating func number(_ text: UnsafeRawBufferPointer) throws(CanonicalFormError) {
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        let isPlain =
            digits.count <= 15 && (digits.first != UInt8(ascii: "0") || text.count == 1)
            && digits.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        if isPlain, !digits.isEmpty { return bytes.append(contentsOf: text) }
        guard let number = CanonicalNumber(text) else { throw .malformed }
        bytes.append(contentsOf: number.text.utf8)
        if !number.isExact { isInexact = true }
    }
}

/// Why something has no canonical form.
package enum CanonicalFormError: Error, Equatable {
    /// It is not the text of a `jsonb`.
    case malformed
    /// The event has a number that no IEEE double holds: its canonical form would be that of another event, too.
    case inexactNumber(position: Int64)
    /// A column of the event is NULL or has another form than the log's.
    case malformedEvent(position: Int64, column: String)
}
