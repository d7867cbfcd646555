package import EventSourcing

/// The forms of date that ten years of front matter have: `2016-9-13`, `2016-02-29 8:00`, `2015-12-03 11:28:00 -0700`, RFC 3339, YAML timestamps.
package enum BlogDate {
    /// Reads a date with or without a time. Zeros may be missing, `/` may stand for `-`; a date alone is its midnight; no zone means UTC, since a blog's own
    /// zone is in a site configuration that may not be there. Nil when it is nothing of the kind or names no real moment.
    package static func read(_ text: String) -> Timestamp? {
        var scan = DateScan(text)
        guard let date = scan.date() else { return nil }
        var milliseconds = date.daysSinceEpoch * 86_400_000
        if !scan.isAtEnd {
            guard scan.take("T") || scan.take("t") || scan.skipSpace(), let time = scan.time(), let offset = scan.offset() else { return nil }
            milliseconds += time - offset
        }
        return scan.isAtEnd ? Timestamp(milliseconds: milliseconds) : nil
    }

    /// The date at the start of a file's name (`2016-1-05-swift-2.2`, Zola's `2016-01-05_swift`), and the name without it. A name that is only a date keeps it.
    package static func leading(_ name: String) -> (date: Timestamp?, rest: String) {
        var scan = DateScan(name)
        guard let date = scan.date(), scan.isAtEnd || scan.take("-") || scan.take("_") else { return (nil, name) }
        let moment = Timestamp(milliseconds: date.daysSinceEpoch * 86_400_000)
        return (moment, scan.isAtEnd ? name : scan.rest)
    }
}

private struct DateScan {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) {
        bytes = Array(text.trimmed.utf8)
    }

    var isAtEnd: Bool { at == bytes.count }
    var rest: String { String(decoding: bytes[at...], as: UTF8.self) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    /// Whether there was any.
    mutating func skipSpace() -> Bool {
        let start = at
        while take(" ") || take("\t") {}
        return at > start
    }

    private mutating func number(_ widths: ClosedRange<Int>) -> Int64? {
        let start = at
        var value: Int64 = 0
        while at < bytes.count, at - start < widths.upperBound, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[at] {
            value = value * 10 + Int64(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        return at - start >= widths.lowerBound ? value : nil
    }

    mutating func date() -> CivilDate? {
        guard let year = number(4...4), take("-") || take("/"), let month = number(1...2), take("-") || take("/"), let day = number(1...2) else {
            return nil
        }
        return CivilDate(year: year, month: month, day: day)
    }

    /// Milliseconds since midnight.
    mutating func time() -> Int64? {
        guard let hour = number(1...2), take(":"), let minute = number(1...2), hour < 24, minute < 60 else { return nil }
        var milliseconds = hour * 3_600_000 + minute * 60_000
        if take(":") {
            guard let second = number(1...2), second <= 60 else { return nil }
            milliseconds += second * 1000
            if take(".") {
                var unit: Int64 = 100
                guard let first = number(1...1) else { return nil }
                milliseconds += first * unit
                while let digit = number(1...1) {
                    unit /= 10
                    milliseconds += digit * unit
                }
            }
        }
        return milliseconds
    }

    /// Milliseconds east of UTC; none written is none.
    mutating func offset() -> Int64? {
        _ = skipSpace()
        if isAtEnd || take("Z") || take("z") || takeWord("UTC") || takeWord("GMT") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(1...2) else { return nil }
        var minutes: Int64 = 0
        if !isAtEnd {
            _ = take(":")
            guard let written = number(1...2) else { return nil }
            minutes = written
        }
        guard hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (isEast ? 60_000 : -60_000)
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        let end = at + word.utf8CodeUnitCount
        let matches = word.withUTF8Buffer { end <= bytes.count && bytes[at..<end].elementsEqual($0) }
        if matches { at = end }
        return matches
    }
}
