/// A Redis server and how to log in.
package struct RedisTarget: Hashable, Sendable {
    package enum Endpoint: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unixSocket(path: String)
    }

    package let endpoint: Endpoint
    /// Nil logs in as `default`, or not at all without a password.
    let user: String?
    let password: String?
    package let database: Int

    package init(_ endpoint: Endpoint, user: String? = nil, password: String? = nil, database: Int = 0) {
        self.endpoint = endpoint
        self.user = user
        self.password = password
        self.database = database
    }
}

extension RedisTarget {
    /// Reads `redis://user:password@host:port/database`, of which all but the host may be missing, or `unix:///path/of/socket?db=1`. User and
    /// password are percent-encoded. Nil when it is neither.
    package init?(_ url: String) {
        if url.hasPrefix("unix://") {
            let parts = url.dropFirst(7).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            guard let path = parts.first, path.hasPrefix("/"), path.utf8.count > 1 else { return nil }
            let query = parts.count == 2 ? parts[1] : "db=0"
            guard query.hasPrefix("db="), let database = Self.database(query.dropFirst(3)) else { return nil }
            self.init(.unixSocket(path: String(path)), database: database)
        } else if url.hasPrefix("redis://") {
            self.init(authority: url.dropFirst(8))
        } else {
            return nil
        }
    }

    private init?(authority text: Substring) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let authority = parts.first else { return nil }
        let number = parts.count == 2 && !parts[1].isEmpty ? parts[1] : "0"
        guard let database = Self.database(number) else { return nil }

        var user: String?
        var password: String?
        var address = authority
        if let at = authority.lastIndex(of: "@") {
            address = authority[authority.index(after: at)...]
            let login = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard login.count == 2, let name = Self.decoded(login[0]), let secret = Self.decoded(login[1]),
                !secret.isEmpty
            else { return nil }
            user = name.isEmpty ? nil : name
            password = secret
        }
        guard let (host, port) = Self.hostAndPort(address) else { return nil }
        self.init(.tcp(host: host, port: port), user: user, password: password, database: database)
    }

    private static func hostAndPort(_ text: Substring) -> (String, Int)? {
        var host = text
        var port = 6379
        let afterBracket = text.lastIndex(of: "]").map { text.index(after: $0) } ?? text.startIndex
        if let colon = text[afterBracket...].firstIndex(of: ":") {
            guard let number = digits(text[text.index(after: colon)...]), 1...65_535 ~= number else { return nil }
            (host, port) = (text[..<colon], number)
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        let isName = host.utf8.allSatisfy { !($0 <= UInt8(ascii: " ")) && !"/?#[]".utf8.contains($0) }
        return host.isEmpty || !isName ? nil : (String(host), port)
    }

    /// Without percent-encoding. Nil when that is broken.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else { return nil }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func database(_ text: Substring) -> Int? { digits(text).flatMap { 0...65_535 ~= $0 ? $0 : nil } }

    private static func digits(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(text) : nil
    }
}

extension RedisTarget: CustomStringConvertible, CustomDebugStringConvertible {
    /// Without user and password, fit for a log.
    package var description: String {
        switch endpoint {
        case .tcp(let host, let port): "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .unixSocket(let path): "unix://\(path)?db=\(database)"
        }
    }

    package var debugDescription: String { description }
}

extension RedisTarget: CustomReflectable {
    /// Else a dump would show the password.
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
