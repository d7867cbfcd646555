package import EventSourcing
import FoundationEssentials

/// Where a webhook delivers to: an absolute `https` or `http` URL with a host, without credentials and without a fragment. Whether its host may be
/// called is decided when it is called.
package struct WebhookURL: TextValue {
    package let text: String
    /// `https` or `http`.
    package let scheme: String
    /// A name in ASCII, or an address; of version 6 without brackets.
    package let host: String
    package let port: Int

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...2048)
        try text.requireOnly("visible ASCII characters") { 0x21...0x7E ~= $0.value && $0 != "\\" && $0 != "\"" && $0 != "<" && $0 != ">" }
        guard let scheme = ["https", "http"].first(where: { text.lowercased().hasPrefix($0 + "://") }) else {
            throw TextViolation("must begin with https:// or http://")
        }
        guard !text.contains("#") else { throw TextViolation("may not have a fragment") }
        let authority = text.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { throw TextViolation("may not have a user or a password") }
        guard let (host, port) = Self.place(in: authority, scheme: scheme), URL(string: text) != nil else {
            throw TextViolation("must have a host, and a port from 1 to 65535 if any")
        }
        self.text = text
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    private static func place(in authority: Substring, scheme: String) -> (host: String, port: Int)? {
        let host: Substring
        let rest: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority.dropFirst(host.count)
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }) else { return nil }
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        if rest.isEmpty { return (host.lowercased(), scheme == "https" ? 443 : 80) }
        let digits = rest.dropFirst()
        guard rest.first == ":", !digits.isEmpty, digits.allSatisfy(\.isNumber), let port = Int(digits), 1...65_535 ~= port else { return nil }
        return (host.lowercased(), port)
    }
}

extension WebhookURL {
    /// The URL with its host in one spelling.
    package var normalized: String {
        let rest = text.dropFirst(scheme.count + 3).drop { $0 != "/" && $0 != "?" }
        let host = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(host):\(port)\(rest.isEmpty ? "/" : rest.hasPrefix("?") ? "/" + rest : rest)"
    }
}
