/// Where the instances of a service are found, as a setting such as `ANNALS_AUTH_AT` says it.
package enum ServiceLocation: Hashable, Sendable {
    /// `127.0.0.1:3001,[::1]:3011`: these.
    case fixed([Instance])
    /// `dns:auth.example:3001`: all addresses (A, AAAA) of a name, at one port.
    case dns(name: String, port: Int)
    /// `srv:_http._tcp.auth.example`: the targets of SRV records, each with its own port.
    case srv(name: String)
    /// `redis`: those that are registered in Redis.
    case redis
}

extension ServiceLocation: CustomStringConvertible {
    /// As the setting says it.
    package var description: String {
        switch self {
        case .fixed(let instances): instances.map { "\($0)" }.joined(separator: ",")
        case .dns(let name, let port): "dns:\(name):\(port)"
        case .srv(let name): "srv:\(name)"
        case .redis: "redis"
        }
    }
}

extension ServiceLocation {
    /// Reads the text of a setting.
    /// - Parameter setting: its name, for the error.
    package init(_ text: String, of setting: String) throws(MalformedLocation) {
        guard let location = Self(parsing: text) else { throw MalformedLocation(setting: setting, text: text) }
        self = location
    }

    private init?(parsing text: String) {
        if text == "redis" {
            self = .redis
        } else if text.hasPrefix("dns:") {
            guard let instance = Instance(parsing: text.dropFirst(4)), !instance.host.contains(":") else { return nil }
            self = .dns(name: instance.host, port: instance.port)
        } else if text.hasPrefix("srv:") {
            let name = text.dropFirst(4)
            guard name.isHostName else { return nil }
            self = .srv(name: String(name))
        } else {
            var instances: [Instance] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let instance = Instance(parsing: part.trimmingSpaces), !instances.contains(instance) else { return nil }
                instances.append(instance)
            }
            self = .fixed(instances)
        }
    }
}

/// A setting that says in no known form where a service is.
package struct MalformedLocation: Error, Equatable, CustomStringConvertible {
    package let setting: String
    package let text: String

    package var description: String {
        "\(setting): \(text) is none of host:port (several with commas), dns:name:port, srv:name and redis"
    }
}

extension Instance {
    /// `host:port`, an IPv6 address in brackets. Nil when it is not.
    init?(parsing text: Substring) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(portText: text[text.index(after: colon)...]) else { return nil }
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            let address = host.dropFirst().dropLast()
            guard address.contains(":"), address.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
            self.init(host: String(address), port: port)
        } else {
            guard host.isHostName else { return nil }
            self.init(host: String(host), port: port)
        }
    }
}

extension Int {
    /// A port of 1 to 65535, in plain digits.
    init?(portText text: Substring) {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let port = Int(text), 1...65_535 ~= port else { return nil }
        self = port
    }
}

extension Substring {
    /// Labels of letters, digits, `-` and `_`, 253 bytes at most. IPv4 addresses have this form, too.
    fileprivate var isHostName: Bool {
        guard 1...253 ~= utf8.count else { return false }
        let name = last == "." ? dropLast() : self
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            1...63 ~= label.utf8.count && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
    }

    fileprivate var trimmingSpaces: Substring {
        guard let first = firstIndex(where: { $0 != " " }), let last = lastIndex(where: { $0 != " " }) else { return "" }
        return self[first...last]
    }
}
