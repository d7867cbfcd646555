import HTTPContract

/// One proxy's word in `Forwarded` or `X-Forwarded-…`: who called it, how, and by which name.
struct ForwardedElement {
    /// The node that a proxy was called by (RFC 7239 §6).
    enum Node: Equatable {
        case address(NetworkAddress)
        /// `unknown`, or an identifier such as `_hidden`: the proxy does not say.
        case hidden
        case unreadable
    }

    var node = Node.hidden
    var scheme: WireText?
    var host: WireText?

    /// The elements of a `Forwarded` field, the nearest proxy's last (RFC 7239 §4). Nil for text that the grammar does not have.
    static func list(forwarded text: WireText) -> [ForwardedElement]? {
        guard let elements = text.splitOutsideQuotes(at: ",") else { return nil }
        var list: [ForwardedElement] = []
        // RFC 9110 §5.6.1.2: empty elements count as none.
        for element in elements.map(\.trimmingBlanks) where !element.isEmpty {
            guard let pairs = element.splitOutsideQuotes(at: ";") else { return nil }
            var one = ForwardedElement()
            for pair in pairs.map(\.trimmingBlanks) where !pair.isEmpty {
                guard let (name, value) = pair.cut(at: "="), !name.isEmpty, !value.isEmpty else { return nil }
                if name.isWord("for") { one.node = Node(value.unquoted) }
                if name.isWord("proto") { one.scheme = value.unquoted }
                if name.isWord("host") { one.host = value.unquoted }
            }
            list.append(one)
        }
        return list
    }
}

extension ForwardedElement.Node {
    /// An address, with a port and brackets where a proxy adds them.
    init(_ text: WireText) {
        if let address = NetworkAddress(forwarded: text) {
            self = .address(address)
        } else {
            let name = text.cut(at: ":")?.0 ?? text
            self = name.isWord("unknown") || name.first == UInt8(ascii: "_") ? .hidden : .unreadable
        }
    }
}

extension WireText {
    /// The parts between such bytes that stand outside of quoted strings. Nil when a quoted string has no end.
    fileprivate func splitOutsideQuotes(at separator: Unicode.Scalar) -> [WireText]? {
        var parts: [WireText] = []
        var (start, isQuoted, isEscaped) = (text.startIndex, false, false)
        let bytes = text.utf8
        for index in bytes.indices {
            let byte = bytes[index]
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if isQuoted {
                isEscaped = byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: separator) {
                parts.append(WireText(text[start..<index]))
                start = bytes.index(after: index)
            }
        }
        return isQuoted ? nil : parts + [WireText(text[start...])]
    }
}
