package import EventSourcing
import FoundationEssentials
import HTTPTypes
package import Hummingbird
import Synchronization

/// The two ids by which one call is followed through services, logs and events: taken when well-formed, made otherwise.
package enum RequestIdentity {
    /// `X-Request-ID` when it is 1–128 visible ASCII characters, else a new one.
    package static func requestID(of request: Request) -> String { requestID(given: request.header(.requestID)) }

    /// The same from the header's value alone.
    package static func requestID(given: WireText?) -> String {
        guard let given, 1...HTTPLimits.maximumRequestIDBytes ~= given.count, given.isVisibleASCII else {
            return makeRequestID()
        }
        return given.string
    }

    /// Whether a request's id can only be an id: a UUID, or 32 hexadecimal digits such as a trace's. Not 16, which a card's number has.
    package static func isOpaque(_ requestID: String) -> Bool {
        let bytes = Array(requestID.utf8)
        func isDigit(_ place: Int) -> Bool { bytes[place].hexadecimalDigit != nil }
        guard bytes.count == 36 else { return bytes.count == 32 && bytes.indices.allSatisfy(isDigit) }
        return bytes.indices.allSatisfy { [8, 13, 18, 23].contains($0) ? bytes[$0] == UInt8(ascii: "-") : isDigit($0) }
    }

    /// A request's id as logs have it. One that may say something of a person is withheld; the trace id beside it finds the call.
    package static func logged(_ requestID: String) -> String { isOpaque(requestID) ? requestID : "withheld" }

    /// `traceparent` when it has the form of W3C Trace Context §3.2.2, else a new one. Of a later version only the part that this one knows (§4.3):
    /// the rest could be anything, and the id is stored with each event.
    package static func traceparent(of request: Request) -> String { traceparent(given: request.header(.traceparent)) }

    /// The same from the header's value alone.
    package static func traceparent(given: WireText?) -> String { givenTraceparent(given) ?? makeTraceparent() }

    /// The header's value where it is well-formed.
    static func givenTraceparent(_ given: WireText?) -> String? {
        guard let given, traceparentBytes ~= given.count, given.isVisibleASCII else { return nil }
        let text = given.string
        guard isTraceparent(text) else { return nil }
        return text.utf8.count == 55 ? text : "00\(text.dropFirst(2).prefix(53))"
    }

    package static func makeRequestID() -> String {
        var random = IdentityNumbers()
        return UUID.v7(using: &random).lowercased
    }

    /// A new root context.
    package static func makeTraceparent(isSampled: Bool = true) -> String {
        var random = IdentityNumbers()
        return String(unsafeUninitializedCapacity: 55) { text in
            text.write("00-", at: 0)
            // Neither id may be zero; setting one bit costs nothing.
            text.write(hexadecimal: random.next(), at: 3)
            text.write(hexadecimal: random.next() | 1, at: 19)
            text.write("-", at: 35)
            text.write(hexadecimal: random.next() | 1, at: 36)
            text.write(isSampled ? "-01" : "-00", at: 52)
            return 55
        }
    }

    private static let traceparentBytes = 55...512

    /// Version `00` exactly; a later version may go on after another dash, `ff` is none.
    package static func isTraceparent(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let dash = UInt8(ascii: "-")
        guard traceparentBytes ~= bytes.count, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return false }
        for part in [0..<2, 3..<35, 36..<52, 53..<55] where !bytes[part].allSatisfy(\.isLowercaseHexadecimal) { return false }
        guard bytes[3..<35].contains(where: { $0 != UInt8(ascii: "0") }), bytes[36..<52].contains(where: { $0 != UInt8(ascii: "0") }) else {
            return false
        }
        switch (bytes[0], bytes[1]) {
        case (UInt8(ascii: "0"), UInt8(ascii: "0")): return bytes.count == 55
        case (UInt8(ascii: "f"), UInt8(ascii: "f")): return false
        default: return (bytes.count == 55 || bytes[55] == dash) && bytes.allSatisfy { 0x21...0x7E ~= $0 }
        }
    }
}

/// Numbers for ids that have to differ and need not be secret: SplitMix64 from a start that each process draws for itself. The system's own source is
/// a system call a number, five a request.
private struct IdentityNumbers: RandomNumberGenerator {
    private static let state = Atomic<UInt64>(.random(in: .min ... .max))

    mutating func next() -> UInt64 {
        var number = Self.state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        return number ^ (number >> 31)
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    fileprivate func write(_ text: StaticString, at place: Int) {
        for index in 0..<text.utf8CodeUnitCount { self[place + index] = text.utf8Start[index] }
    }

    /// Sixteen lower-case digits.
    fileprivate func write(hexadecimal number: UInt64, at place: Int) {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(60 - index * 4)) & 0xF
            self[place + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}

extension UInt8 {
    fileprivate var isLowercaseHexadecimal: Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self
    }
}

extension UInt64 {
    /// Sixteen lower-case hexadecimal digits.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

extension KeyedHasher {
    /// A request's id as it may be kept for ever, in events and closures: as it is when it can only be an id, else a keyed hash of it. A caller may
    /// write anything into `X-Request-ID`, even an email, and the log can't be erased. Keeping a kept id changes nothing.
    package func kept(requestID: String) -> String {
        guard !RequestIdentity.isOpaque(requestID) else { return requestID }
        let half = hash(["request id", requestID]).prefix(16)
        return half.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
