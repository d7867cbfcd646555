import EventSourcing
import FoundationEssentials
import JSON

/// The members that answers are made of, written without a detour where it counts.
extension JSONWriter {
    /// A text, null when it is forgotten or was never given.
    mutating func member(_ name: String, text: String?) {
        self.name(name)
        if let text { string(text) } else { null() }
    }

    mutating func member(_ name: String, id: UUID) {
        self.name(name)
        string(id.lowercased)
    }

    mutating func member(_ name: String, flag: Bool) {
        self.name(name)
        bool(flag)
    }

    mutating func member(_ name: String, count: some BinaryInteger & Sendable) {
        self.name(name)
        integer(count)
    }

    /// A time in milliseconds since 1970 UTC, in the form of RFC 3339; null when there is none.
    mutating func member(_ name: String, time: Int64?) {
        self.name(name)
        if let time { raw(TimeText.quoted(time)) } else { null() }
    }
}

/// `"2026-11-21T01:02:03.004Z"` as bytes. A list has sixty times in it, and `Timestamp`'s description builds each from ten strings.
enum TimeText {
    static func quoted(_ milliseconds: Int64) -> [UInt8] {
        let moment = Timestamp(milliseconds: milliseconds)
        let (day, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
        let date = CivilDate(daysSinceEpoch: day)
        // Before 1970 or past 9999 the plain way does; no post is from then.
        guard milliseconds >= 0, date.year <= 9999 else { return Array("\"\(moment)\"".utf8) }
        return [UInt8](unsafeUninitializedCapacity: 26) { buffer, count in
            var at = 0
            func put(_ character: Unicode.Scalar) {
                buffer[at] = UInt8(ascii: character)
                at += 1
            }
            func put(_ value: Int64, _ digits: Int) {
                var value = value
                for index in stride(from: at + digits - 1, through: at, by: -1) {
                    buffer[index] = UInt8(ascii: "0") + UInt8(value % 10)
                    value /= 10
                }
                at += digits
            }
            put("\"")
            put(date.year, 4)
            put("-")
            put(date.month, 2)
            put("-")
            put(date.day, 2)
            put("T")
            put(rest / 3_600_000, 2)
            put(":")
            put(rest / 60_000 % 60, 2)
            put(":")
            put(rest / 1000 % 60, 2)
            put(".")
            put(rest % 1000, 3)
            put("Z")
            put("\"")
            count = at
        }
    }
}
