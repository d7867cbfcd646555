import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

extension CallContext {
    /// The context of a connection's direct calls. The address is written out here, once.
    static func direct(on channel: any Channel, logger: Logger) -> CallContext {
        var context = CallContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        context.clientAddress = context.clientAddress
        return context
    }
}

extension HTTPRequestHead {
    /// Names of fields with which a request is none of those that are answered at once: it has a body, wants to wait, or speaks for somebody else.
    private static let indirect: [WireText] = [
        "content-length", "transfer-encoding", "expect", "upgrade", "wait-for-position", "forwarded",
    ]

    var mayBeDirect: Bool {
        guard method == .GET || method == .HEAD, version == .http1_1 else { return false }
        return headers.allSatisfy { name, _ in
            let name = WireText(name)
            return !Self.indirect.contains(where: name.isWord) && !name.startsWithWord("x-annals-") && !name.startsWithWord("x-forwarded-")
        }
    }
}
