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
        // Text that is not one run of bytes came from outside Swift, and is rare.
        let id =
            text.utf8.withContiguousStorageIfAvailable { UUID(lowercase: $0) } ?? Array(text.utf8).withUnsafeBufferPointer { UUID(lowercase: $0) }
        guard let id else { return nil }
        self = id
    }

    /// Reads the same from bytes.
    init?(lowercase bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for place in 0..<36 {
            let byte = bytes[place]
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            if place < 18 { halves.high = halves.high << 4 | UInt64(digit) } else { halves.low = halves.low << 4 | UInt64(digit) }
        }
        self.init(high: halves.high, low: halves.low)
    }

    /// The canonical form in lower case.
    package var lowercased: String { String(unsafeUninitializedCapacity: 36) { writeLowercased(to: $0) } }

    /// Writes the canonical form in lower case, 36 bytes; returns their number.
    func writeLowercased(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
        var position = 0
        withUnsafeBytes(of: uuid) { bytes in
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                buffer[position] = digit(bytes[index] >> 4)
                buffer[position + 1] = digit(bytes[index] & 15)
                position += 2
            }
        }
        return position
    }

    /// The first 128 bits of a hash as an id of version 8 (RFC 9562 §5.8).
    package init(hash: [UInt8]) {
        func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(
            high: half(hash[0..<8]) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
            low: half(hash[8..<16]) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }
}
