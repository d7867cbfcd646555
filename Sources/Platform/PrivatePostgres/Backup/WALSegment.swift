import FoundationEssentials

/// A file of the write-ahead log, by its name: timeline, then place. Names that go on after those, as in `….partial`, are of no whole segment.
enum WALSegment {
    static func isName(_ name: String) -> Bool { name.utf8.count == 24 && name.utf8.allSatisfy { (48...57).contains($0) || (65...70).contains($0) } }

    /// The name of the next segment on the same timeline. Segments of a size divide each 4 GiB of the log.
    static func following(_ name: String, size: Int = 16 << 20) -> String? {
        guard let log = UInt32(name.dropFirst(8).prefix(8), radix: 16), let segment = UInt32(name.suffix(8), radix: 16) else { return nil }
        let next = Int(segment) < (1 << 32) / size - 1 ? (log, segment + 1) : (log + 1, 0)
        return name.prefix(8)
            + [next.0, next.1].map { String(repeating: "0", count: 8 - String($0, radix: 16).count) + String($0, radix: 16, uppercase: true) }
            .joined()
    }

    /// In the log's order.
    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(isName).sorted()
    }
}
