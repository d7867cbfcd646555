import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore

/// `X-Forwarded-For` as the nearest proxy left it.
enum ForwardedAddress {
    private static let header = HTTPField.Name("X-Forwarded-For")

    /// The last address of the list, which is the one that our own proxy saw; those before it are the client's to invent. Nil when it is no IP address.
    static func client(of request: Request) -> String? {
        guard let header, let last = request.headers[header]?.split(separator: ",").last else { return nil }
        let text = String(last.filter { $0 != " " && $0 != "\t" })
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        return address.ipAddress
    }
}
