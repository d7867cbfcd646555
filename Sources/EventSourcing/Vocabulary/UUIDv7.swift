package import FoundationEssentials

extension UUID {
    /// A new time-ordered id (RFC 9562 §5.7): 48 bits of milliseconds, the rest random. Ids made later sort later, which keeps indexes dense.
    package static func v7(at time: Timestamp = .now, using random: inout some RandomNumberGenerator) -> UUID {
        let milliseconds = UInt64(max(0, time.milliseconds))
        let high: UInt64 = milliseconds << 16 | 0x7000 | random.next() & 0x0FFF
        let low: UInt64 = 0x8000_0000_0000_0000 | random.next() >> 2
        return UUID(high: high, low: low)
    }

    /// A new time-ordered id from the system's random source.
    package static func v7(at time: Timestamp = .now) -> UUID {
        var random = SystemRandomNumberGenerator()
        return v7(at: time, using: &random)
    }

    /// An id from its two halves, most significant bits first.
    package init(high: UInt64, low: UInt64) {
        func byte(_ half: UInt64, _ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: half >> (56 - index * 8)) }
        self.init(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6), byte(high, 7),
                byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5), byte(low, 6), byte(low, 7)
            ))
    }

    /// Reads the canonical 36-character form in lower case only: one id has one spelling.
    package init?(lowercase text: some StringProtocol) {
        guard text.utf8.count == 36, text.utf8.allSatisfy({ !(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0) }) else { return nil }
        self.init(uuidString: String(text))
    }

    /// The canonical form in lower case.
    package var lowercased: String {
        let digits: [UInt8] = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            withUnsafeBytes(of: uuid) { bytes in
                for index in 0..<16 {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        buffer[position] = UInt8(ascii: "-")
                        position += 1
                    }
                    buffer[position] = digits[Int(bytes[index] >> 4)]
                    buffer[position + 1] = digits[Int(bytes[index] & 15)]
                    position += 2
                }
            }
            return 36
        }
    }
}
