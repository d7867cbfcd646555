import FoundationEssentials

/// A moment in UTC, to the millisecond.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The system's clock, cut to the millisecond.
    package static var now: Timestamp { Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))) }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    package func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(milliseconds: milliseconds + seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}

// Hand-written because Foundation's formatters cost more than the query that they date.

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T01:02:03.004Z`.
    package var description: String {
        let day = milliseconds.dividedDown(by: 86_400_000)
        let rest = milliseconds - day * 86_400_000
        let date = CivilDate(daysSinceEpoch: day)
        func padded(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        return
            "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2)):"
            + "\(padded(rest / 1000 % 60, 2)).\(padded(rest % 1000, 3))Z"
    }

    /// Reads RFC 3339 §5.6 `date-time`, with any offset; digits past the millisecond are cut. Nil when the text has another form or names no real
    /// moment, or one outside the years 1 to 9999 in UTC, which neither RFC 3339 nor PostgreSQL could write again.
    package init?(_ text: some StringProtocol) {
        var scan = DigitScan(Array(text.utf8))
        guard let year = scan.number(4), scan.take("-"), let month = scan.number(2), scan.take("-"), let day = scan.number(2),
            scan.take("T") || scan.take("t"), let hour = scan.number(2), scan.take(":"), let minute = scan.number(2), scan.take(":"),
            let second = scan.number(2), let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if scan.take(".") {
            guard let milliseconds = scan.milliseconds() else { return nil }
            fraction = milliseconds
        }
        var offset: Int64 = 0
        if !(scan.take("Z") || scan.take("z")) {
            let isEast = scan.take("+")
            guard isEast || scan.take("-"), let hours = scan.number(2), scan.take(":"), let minutes = scan.number(2), hours < 24, minutes < 60 else {
                return nil
            }
            offset = (hours * 60 + minutes) * (isEast ? 60_000 : -60_000)
        }
        guard scan.isAtEnd else { return nil }
        let milliseconds = date.daysSinceEpoch * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction - offset
        guard -62_135_596_800_000...253_402_300_799_999 ~= milliseconds else { return nil }
        self.init(milliseconds: milliseconds)
    }
}

/// A day of the proleptic Gregorian calendar. The arithmetic is Howard Hinnant's `days_from_civil`.
package struct CivilDate: Sendable, Hashable {
    package let year: Int64
    package let month: Int64
    package let day: Int64

    /// Nil when there is no such day.
    package init?(year: Int64, month: Int64, day: Int64) {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard 1...12 ~= month, 1...lengths[Int(month - 1)] ~= day else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    package init(daysSinceEpoch days: Int64) {
        let shifted = days + 719_468
        let era = shifted.dividedDown(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package var daysSinceEpoch: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.dividedDown(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity, so that days before 1970 count right.
    fileprivate func dividedDown(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

private struct DigitScan {
    let bytes: [UInt8]
    var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    mutating func number(_ width: Int) -> Int64? {
        guard at + width <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[at..<at + width] {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        at += width
        return value
    }

    mutating func milliseconds() -> Int64? {
        var value: Int64 = 0
        var count = 0
        while let digit = number(1) {
            if count < 3 { value = value * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 3)..<3 { value *= 10 }
        return value
    }
}
