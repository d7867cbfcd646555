import NIOCore

/// Follows the frames of an HTTP/2 connection without reading them, to know whether the client owes the rest of something: of the connection preface,
/// of a frame, or of a header block (RFC 9113 §3.4, §4.1, §6.10). The rest of a DATA frame is its stream's to ask for.
struct FrameWatch {
    private static let preface = 24
    private static let headerBytes = 9

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let continuation: UInt8 = 9
    }

    private static let endHeaders: UInt8 = 4

    private var prefaceLeft = Self.preface
    private var header: [UInt8] = []
    private var payloadLeft = 0
    private var isData = false
    private var isInHeaderBlock = false

    init() { header.reserveCapacity(Self.headerBytes) }

    /// Whether more must come.
    var owesMore: Bool { prefaceLeft > 0 || isInHeaderBlock || !header.isEmpty || payloadLeft > 0 && !isData }

    /// Whether nothing was owed at some moment, so that what is owed now began with these bytes. Linear in the number of frames.
    mutating func take(_ bytes: ByteBufferView) -> Bool {
        var wasEven = false
        var rest = bytes[...]
        func skip(_ count: inout Int) {
            let skipped = min(count, rest.count)
            rest = rest.dropFirst(skipped)
            count -= skipped
        }
        while !rest.isEmpty {
            if prefaceLeft > 0 {
                skip(&prefaceLeft)
            } else if payloadLeft > 0 {
                skip(&payloadLeft)
            } else {
                let missing = Self.headerBytes - header.count
                header.append(contentsOf: rest.prefix(missing))
                rest = rest.dropFirst(missing)
                if header.count == Self.headerBytes { begin() }
            }
            if !owesMore { wasEven = true }
        }
        return wasEven
    }

    /// The frame whose header is complete.
    private mutating func begin() {
        payloadLeft = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
        isData = header[3] == FrameType.data
        if header[3] == FrameType.headers || header[3] == FrameType.continuation { isInHeaderBlock = header[4] & Self.endHeaders == 0 }
        header.removeAll(keepingCapacity: true)
    }
}
