import CRabbitMQ
import Glibc

/// A RabbitMQ broker and how to log in.
package struct RabbitMQTarget: Hashable, Sendable {
    package let host: String
    package let port: Int
    package let virtualHost: String
    let user: String
    let password: String

    /// Reads `amqp://user:password@host:port/vhost`, of which all but the scheme may be missing. User, password and virtual host are percent-encoded.
    /// Nil when it has another form, `amqps` among them.
    package init?(_ url: String) {
        guard url.hasPrefix("amqp://"), let copy = strdup(url) else { return nil }
        defer { free(copy) }
        var parsed = amqp_connection_info()
        amqp_default_connection_info(&parsed)
        // It writes into the text, and what it returns points there.
        guard amqp_parse_url(copy, &parsed) == AMQP_STATUS_OK.rawValue else { return nil }
        host = String(cString: parsed.host)
        port = Int(parsed.port)
        user = String(cString: parsed.user)
        password = String(cString: parsed.password)
        let path = String(cString: parsed.vhost)
        virtualHost = path.isEmpty ? "/" : path
    }
}

extension RabbitMQTarget: CustomStringConvertible, CustomDebugStringConvertible {
    /// Without user and password, fit for a log.
    package var description: String {
        let name = virtualHost.utf8.flatMap { byte in
            let isPlain = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || Self.isLetterOrDigit(byte)
            return isPlain ? [byte] : Array("%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8)
        }
        return "amqp://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(String(decoding: name, as: UTF8.self))"
    }

    package var debugDescription: String { description }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

extension RabbitMQTarget: CustomReflectable {
    /// Else a dump would show the password.
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
