package import EventSourcing
import Foundation

/// Reads the forms of date that front matter has: ISO 8601 with missing zeros, RFC 2822, Go's and JavaScript's, and dates with the month's
/// name. A form that may mean two days is not read.
package enum BlogDate {
    /// Reads a date with or without a time; nil when the text is no date or no real one. A date alone means its midnight. No zone means UTC:
    /// the blog's own zone stands in a site configuration that may be missing.
    package static func read(_ text: String) -> Timestamp? {
        var scan = DateScan(text)
        guard let date = scan.date() else { return nil }
        var milliseconds = date.daysSinceEpoch * 86_400_000
        if !scan.isAtEnd {
            guard scan.skipSeparator(), let time = scan.time() else { return nil }
            milliseconds += time
            guard let offset = scan.offset(at: milliseconds) else { return nil }
            milliseconds -= offset
        }
        return scan.isAtEnd ? Timestamp(milliseconds: milliseconds) : nil
    }

    /// The date at the start of a file's name (`2016-1-05-swift-2.2`, Zola's `2016-01-05_swift`), and the name without it. A name that is
    /// only a date keeps it.
    package static func leading(_ name: String) -> (date: Timestamp?, rest: String) {
        var scan = DateScan(name)
        guard let date = scan.numericDate(), scan.isAtEnd || scan.take("-") || scan.take("_") else { return (nil, name) }
        let moment = Timestamp(milliseconds: date.daysSinceEpoch * 86_400_000)
        return (moment, scan.isAtEnd ? name : scan.rest)
    }

    /// The date of a path's first three parts: `2014/09/15`.
    static func parts(_ parts: some Collection<String>) -> Timestamp? {
        let first = Array(parts.prefix(3))
        guard first.count == 3, first[0].utf8.count == 4, first.allSatisfy({ $0.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } })
        else { return nil }
        return read(first.joined(separator: "-"))
    }
}

private struct DateScan {
    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
    ]
    private static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    private static let abbreviations: Set<String> = ["sept", "tues", "thur", "thurs"]
    /// The zones whose names RFC 2822 §4.3 gives one meaning, in hours.
    private static let zones: [String: Int64] = [
        "z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    ]

    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.trimmed.utf8) }

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

    /// Skips the separator between a date and a time.
    mutating func skipSeparator() -> Bool {
        if take("T") || take("t") { return true }
        let hasComma = take(",")
        guard skipSpace() || hasComma else { return false }
        if let word = peekWord(), word == "at" { at += 2 }
        _ = skipSpace()
        return true
    }

    /// The letters ahead, in lower case.
    private func peekWord() -> String? {
        let word = bytes[at...].prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
        return word.isEmpty ? nil : String(decoding: word, as: UTF8.self).lowercased()
    }

    /// Takes the word ahead when it is one of the names, or a usual abbreviation of one. Returns the index of the name.
    private mutating func name(of names: [String]) -> Int? {
        guard let word = peekWord(),
            let index = names.firstIndex(where: { $0 == word || $0.hasPrefix(word) && (word.utf8.count == 3 || Self.abbreviations.contains(word)) })
        else { return nil }
        at += word.utf8.count
        _ = take(".")
        return index
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

    /// Reads, or stays where it is.
    private mutating func attempt<Value>(_ read: (inout DateScan) -> Value?) -> Value? {
        var copy = self
        guard let value = read(&copy) else { return nil }
        self = copy
        return value
    }

    mutating func date() -> CivilDate? {
        attempt { $0.numericDate() } ?? attempt { $0.compactDate() } ?? attempt { $0.slashedDate() } ?? attempt { $0.namedDate() }
    }

    /// `2016-1-05`, `2016/01/05`
    mutating func numericDate() -> CivilDate? {
        guard let year = number(4...4), take("-") || take("/"), let month = number(1...2), take("-") || take("/"), let day = number(1...2) else {
            return nil
        }
        return CivilDate(year: year, month: month, day: day)
    }

    /// `20160105`
    private mutating func compactDate() -> CivilDate? {
        guard let year = number(4...4), let month = number(2...2), let day = number(2...2), isAtEnd || bytes[at] == UInt8(ascii: "T") else {
            return nil
        }
        return CivilDate(year: year, month: month, day: day)
    }

    /// `13/01/2016` and `01/13/2016`; `05/01/2016` is in May or in January, which nobody can tell.
    private mutating func slashedDate() -> CivilDate? {
        guard let first = number(1...2), take("/"), let second = number(1...2), take("/"), let year = number(4...4) else { return nil }
        let dayFirst = CivilDate(year: year, month: second, day: first)
        let monthFirst = CivilDate(year: year, month: first, day: second)
        guard let dayFirst, let monthFirst else { return dayFirst ?? monthFirst }
        return dayFirst == monthFirst ? dayFirst : nil
    }

    /// `January 5, 2016`, `5 Jan 2016`, `Tue, 05 Jan 2016`, `Tue Jan 05 2016`
    private mutating func namedDate() -> CivilDate? {
        if name(of: Self.weekdays) != nil {
            _ = take(",")
            guard skipSpace() else { return nil }
        }
        let day: Int64
        let month: Int
        if let named = name(of: Self.months) {
            guard skipSpace(), let number = dayOfMonth() else { return nil }
            (month, day) = (named, number)
        } else {
            guard let number = dayOfMonth(), skipSpace() || take("-"), let named = name(of: Self.months) else { return nil }
            (month, day) = (named, number)
        }
        let hasComma = take(",")
        guard skipSpace() || hasComma || take("-"), let year = number(4...4) else { return nil }
        return CivilDate(year: year, month: Int64(month + 1), day: day)
    }

    /// `5`, `05`, `5th`
    private mutating func dayOfMonth() -> Int64? {
        guard let day = number(1...2) else { return nil }
        if let word = peekWord(), ["st", "nd", "rd", "th"].contains(word) { at += 2 }
        return day
    }

    /// Milliseconds since midnight.
    mutating func time() -> Int64? {
        guard var hour = number(1...2), take(":"), let minute = number(1...2), hour < 24, minute < 60 else { return nil }
        var milliseconds = minute * 60_000
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
        let half = attempt { scan in
            _ = scan.skipSpace()
            guard let word = scan.peekWord(), ["am", "pm"].contains(word) else { return nil as String? }
            scan.at += 2
            return word
        }
        if let half {
            guard 1...12 ~= hour else { return nil }
            hour = hour % 12 + (half == "pm" ? 12 : 0)
        }
        return milliseconds + hour * 3_600_000
    }

    /// Milliseconds east of UTC; none written is none. Go writes both, `+0000 UTC`; JavaScript `GMT+0100 (its name)`.
    mutating func offset(at local: Int64) -> Int64? {
        _ = skipSpace()
        if isAtEnd { return 0 }
        if let place = place() { return Self.offset(of: place, at: local) }
        var named: Int64?
        if let word = peekWord() {
            guard let hours = Self.zones[word] else { return nil }
            at += word.utf8.count
            named = hours * 3_600_000
            _ = skipSpace()
            if isAtEnd { return named }
            // Only after the names of UTC does a number say more.
            guard hours == 0 else { return nil }
        }
        guard bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-"), let offset = numericOffset() else { return nil }
        _ = skipSpace()
        if take("(") {
            while !isAtEnd, !take(")") { at += 1 }
        } else if let word = peekWord() {
            guard let hours = Self.zones[word], hours * 3_600_000 == offset, named == nil else { return nil }
            at += word.utf8.count
        }
        return offset
    }

    private mutating func numericOffset() -> Int64? {
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(1...2) else { return nil }
        var minutes: Int64 = 0
        if !isAtEnd, bytes[at] != UInt8(ascii: " ") {
            _ = take(":")
            guard let written = number(1...2) else { return nil }
            minutes = written
        }
        guard hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (isEast ? 60_000 : -60_000)
    }

    /// A place of the time zone database, such as `America/New_York`.
    private mutating func place() -> String? {
        let name = bytes[at...]
        guard name.contains(UInt8(ascii: "/")), name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        at = bytes.count
        return String(decoding: name, as: UTF8.self)
    }

    private static func offset(of place: String, at local: Int64) -> Int64? {
        guard let zone = TimeZone(identifier: place) else { return nil }
        func offset(at milliseconds: Int64) -> Int64 {
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(milliseconds) / 1000))) * 1000
        }
        // The offset that holds at that local time: one guess from the time taken as UTC, one step from there.
        return offset(at: local - offset(at: local))
    }
}
