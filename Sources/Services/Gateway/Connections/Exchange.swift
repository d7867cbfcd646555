import HTTPContract
import NIOHTTP1

/// A request and its response, as far as their connection is concerned.
final class Exchange {
    let isHTTP10: Bool
    /// The connection ends with this response.
    var isLast: Bool
    /// The client waits for 100 (Continue) before it sends the body.
    var awaitsContinue: Bool
    var isRequestComplete = false
    var isResponseBegun = false
    var isResponseComplete = false

    init(_ head: HTTPRequestHead) {
        isHTTP10 = head.version.isHTTP10
        // The decoder reads nothing behind a request with an upgrade, which is ignored otherwise (RFC 9110 §7.8).
        isLast = isHTTP10 || !head.isKeepAlive || head.headers.contains(name: "Upgrade")
        // RFC 9110 §10.1.1: HTTP/1.0 has no such expectation.
        awaitsContinue = !isHTTP10 && head.headers["Expect"].contains { WireText($0).isWord("100-continue") }
    }

    var isComplete: Bool { isRequestComplete && isResponseComplete }
}
