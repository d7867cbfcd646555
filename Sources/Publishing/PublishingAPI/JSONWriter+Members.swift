package import EventSourcing
package import FoundationEssentials
package import JSON

/// The members that answers are made of.
extension JSONWriter {
    /// A text; null when it is forgotten or was never given.
    package mutating func member(_ name: String, _ text: String?) {
        self.name(name)
        if let text { string(text) } else { null() }
    }

    /// A member whose value is an array of texts.
    package mutating func member(_ name: String, _ texts: [String]) {
        self.name(name)
        array { for text in texts { $0.string(text) } }
    }

    package mutating func member(_ name: String, _ id: UUID) {
        self.name(name)
        string(id.lowercased)
    }

    package mutating func member(_ name: String, _ flag: Bool) {
        self.name(name)
        bool(flag)
    }

    package mutating func member(_ name: String, _ count: some BinaryInteger & Sendable) {
        self.name(name)
        integer(count)
    }

    /// A time in the form of RFC 3339, in UTC with milliseconds; null when there is none.
    package mutating func member(_ name: String, _ time: Timestamp?) {
        self.name(name)
        if let time { raw(time.quoted) } else { null() }
    }
}

extension Timestamp {
    /// `"2026-11-21T01:02:03.004Z"` as bytes. A list has sixty times in it, and `description` builds each from ten strings.
    package var quoted: [UInt8] {
        let (day, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
        let date = CivilDate(daysSinceEpoch: day)
        // Before 1970 or past 9999 the plain way does; no post is from then.
        guard milliseconds >= 0, date.year <= 9999 else { return Array("\"\(self)\"".utf8) }
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
