import HTTPContract
import NIOHTTP1

/// The rules for a request's head that the decoder leaves to the server: RFC 9112 for the message, RFC 9110 for its meaning.
struct RequestHeadRules {
    let maximumTargetBytes: Int

    /// Why a request is refused; nil when its head is in order. Linear in the head's bytes.
    func violation(of head: HTTPRequestHead) -> Problem? {
        if head.uri.utf8.count > maximumTargetBytes { return .targetTooLong(limit: maximumTargetBytes) }
        // Bytes outside of ASCII stand in no URI (RFC 3986 §2). Left in, they would be text to compare later.
        guard head.uri.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return .malformed("The request target holds other characters than a URI may have.")
        }
        // RFC 9110 §9.3.6: only a proxy can open a tunnel.
        if head.method == .CONNECT { return .notImplemented("This server opens no tunnels.") }
        return hostViolation(of: head) ?? codingViolation(of: head)
    }

    /// RFC 9112 §3.2.
    private func hostViolation(of head: HTTPRequestHead) -> Problem? {
        let hosts = head.headers["Host"]
        guard let host = hosts.first else {
            return head.version.isHTTP10 ? nil : .malformed("The Host header is missing.")
        }
        guard hosts.count == 1 else { return .malformed("There is more than one Host header.") }
        guard Self.isHost(host.utf8) else { return .malformed("The Host header names no host.") }
        return nil
    }

    /// RFC 9112 §6.1 and §6.3.
    private func codingViolation(of head: HTTPRequestHead) -> Problem? {
        guard head.headers.contains(name: "Transfer-Encoding") else { return nil }
        let codings = head.headers[canonicalForm: "Transfer-Encoding"].map { WireText($0) }.filter { !$0.isEmpty }
        guard !head.version.isHTTP10 else { return .malformed("HTTP/1.0 has no Transfer-Encoding.") }
        guard let last = codings.last, last.isWord("chunked"), !codings.dropLast().contains(where: { $0.isWord("chunked") }) else {
            return .malformed("The body's end can't be told: chunked must be its last coding, and once.")
        }
        return codings.count == 1 ? nil : .notImplemented("No transfer coding but chunked is known here.")
    }

    /// `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2), not empty.
    static func isHost(_ text: String.UTF8View) -> Bool {
        let bytes = Array(text)
        let end: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), bracket > 1,
                bytes[1..<bracket].allSatisfy({ $0.isURIUnreserved || $0 == UInt8(ascii: ":") })
            else { return false }
            end = bracket + 1
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
            guard end > 0, isRegisteredName(bytes[..<end]) else { return false }
        }
        guard end < bytes.count else { return true }
        return bytes[end] == UInt8(ascii: ":") && bytes[(end + 1)...].allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    private static func isRegisteredName(_ bytes: ArraySlice<UInt8>) -> Bool {
        var escaped = 0
        for byte in bytes {
            if escaped > 0 {
                guard byte.isHexadecimal else { return false }
                escaped -= 1
            } else if byte == UInt8(ascii: "%") {
                escaped = 2
            } else if !byte.isURIUnreserved && !"!$&'()*+,;=".utf8.contains(byte) {
                return false
            }
        }
        return escaped == 0
    }
}

extension HTTPVersion {
    /// Whether a message is of a version before 1.1, as far as connections and codings go.
    var isHTTP10: Bool { major == 1 && minor == 0 }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= (self | 0x20)
    }

    fileprivate var isURIUnreserved: Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "z") ~= (self | 0x20) || "-._~".utf8.contains(self)
    }
}
