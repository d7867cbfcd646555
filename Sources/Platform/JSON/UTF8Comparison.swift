import Glibc

extension String {
    /// Whether both texts have the same UTF-8. Linear, and constant when their lengths differ.
    ///
    /// Text from outside is compared this way: `==` normalises, so it takes texts that only look alike for one, and its work grows with the square of
    /// the combining marks in a row.
    package func hasSameUTF8(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { other in own.isSame(as: other) }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether both hold the same bytes.
    package func isSame(as other: Self) -> Bool {
        guard count == other.count else { return false }
        guard let own = baseAddress, let other = other.baseAddress else { return true }
        return memcmp(own, other, count) == 0
    }

    /// Whether these bytes come before others: by the first that differs, else the shorter ones.
    package func precedes(_ other: Self) -> Bool {
        guard let own = baseAddress, let bytes = other.baseAddress else { return count < other.count }
        let order = memcmp(own, bytes, Swift.min(count, other.count))
        return order == 0 ? count < other.count : order < 0
    }
}
