/// Writes JSON in canonical form (RFC 8785): members sorted by the UTF-16 code units of their names, no spaces, strings and numbers as ECMAScript
/// writes them.
///
/// It works on bytes and builds no tree. Strings without escapes pass as they are, so UTF-8 is the caller's to check; the text of PostgreSQL's
/// `jsonb` is UTF-8.
package struct CanonicalJSON: Sendable {
    /// For parts that are canonical as they are written: fixed parts, strings, whole numbers.
    package var writer = JSONWriter()
    private var isExact = true
    /// The members of the objects that are being written, inner ones last.
    private var members: [Member] = []
    private var unsorted: [UInt8] = []

    /// Where a member lies in the written text.
    private struct Member {
        /// The name with its quotes.
        let name: Range<Int>
        /// Behind the value.
        var end = 0
    }

    /// How deep objects and arrays may lie in each other. PostgreSQL itself stops at a few thousand.
    private static let maximumDepth = 256

    package init() {}

    /// The UTF-8 text so far.
    package var bytes: [UInt8] { writer.bytes }

    /// Drops the text, and keeps the memory.
    package mutating func removeAll() { writer.removeAll() }

    /// Writes the canonical form of one JSON text. Throws when the text is not JSON, has a name twice or a number beyond the range of a double.
    ///
    /// Returns whether every number that was written says the same as the one it was read from: RFC 8785 knows only the numbers that an IEEE double
    /// holds.
    package mutating func append(json text: UnsafeRawBufferPointer) throws(JSONSyntaxError) -> Bool {
        var scanner = JSONScanner(text, maximumDepth: Self.maximumDepth)
        members.removeAll(keepingCapacity: true)
        isExact = true
        try value(&scanner)
        try scanner.finish()
        return isExact
    }

    private mutating func value(_ scanner: inout JSONScanner) throws(JSONSyntaxError) {
        switch try scanner.next() {
        case .object: try object(&scanner)
        case .array:
            writer.open(UInt8(ascii: "["))
            while try scanner.nextElement() { try value(&scanner) }
            writer.close(UInt8(ascii: "]"))
        case .string(let text): text.withUnescaped { writer.string(utf8: $0) }
        case .number(let number): try self.number(number)
        case .bool(let value): writer.bool(value)
        case .null: writer.null()
        }
    }

    private mutating func number(_ number: JSONNumber) throws(JSONSyntaxError) {
        if number.isPlainlyCanonical { return writer.raw(number.bytes) }
        guard let (text, isExact) = number.canonical else {
            throw JSONSyntaxError(reason: "a number beyond the range of a double", offset: number.offset)
        }
        writer.raw(text)
        if !isExact { self.isExact = false }
    }

    private mutating func object(_ scanner: inout JSONScanner) throws(JSONSyntaxError) {
        writer.open(UInt8(ascii: "{"))
        let first = members.count
        var isSorted = true
        var offset = 0
        while let name = try scanner.nextMember() {
            offset = name.offset
            let index = members.count
            members.append(Member(name: name.withUnescaped { writer.name(utf8: $0) }))
            try value(&scanner)
            members[index].end = writer.bytes.count
            if isSorted, index > first { isSorted = precedes(members[index - 1], members[index]) }
        }
        if !isSorted, !sort(from: first) { throw JSONSyntaxError(reason: "a member's name stands twice", offset: offset) }
        members.removeLast(members.count - first)
        writer.close(UInt8(ascii: "}"))
    }

    /// Puts the members from `first` on in order: the same bytes and commas, so they take the same room. False when two have the same name.
    private mutating func sort(from first: Int) -> Bool {
        let start = members[first].name.lowerBound
        let sorted = members[first...].sorted(by: precedes)
        for (left, right) in zip(sorted, sorted.dropFirst()) where !precedes(left, right) { return false }
        unsorted.removeAll(keepingCapacity: true)
        unsorted.append(contentsOf: writer.bytes[start...])
        writer.bytes.removeLast(writer.bytes.count - start)
        for (number, member) in sorted.enumerated() {
            if number > 0 { writer.bytes.append(UInt8(ascii: ",")) }
            writer.bytes.append(contentsOf: unsorted[member.name.lowerBound - start..<member.end - start])
        }
        return true
    }

    /// By the UTF-16 code units of the names (RFC 8785 §3.2.3).
    private func precedes(_ left: Member, _ right: Member) -> Bool {
        writer.bytes.withUnsafeBufferPointer { bytes in
            let (left, right) = (text(of: left, in: bytes), text(of: right, in: bytes))
            if left.hasOrderOfUTF16, right.hasOrderOfUTF16 { return left.bytes.precedes(right.bytes) }
            let (one, other) = (String(decoding: left.unescaped, as: UTF8.self), String(decoding: right.unescaped, as: UTF8.self))
            return one.utf16.lexicographicallyPrecedes(other.utf16)
        }
    }

    private func text(of member: Member, in bytes: UnsafeBufferPointer<UInt8>) -> JSONText {
        let inner = UnsafeBufferPointer(rebasing: bytes[member.name.lowerBound + 1..<member.name.upperBound - 1])
        return JSONText(bytes: inner, hasEscapes: inner.contains(UInt8(ascii: "\\")), offset: member.name.lowerBound)
    }
}

extension JSONText {
    /// Whether the bytes sort as UTF-16 does: no escapes, and nothing from U+E000 on, which UTF-16 sorts before the characters that it writes with
    /// surrogates.
    fileprivate var hasOrderOfUTF16: Bool { !hasEscapes && bytes.allSatisfy { $0 < 0xEE } }
}
