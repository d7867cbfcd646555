/// The reason why a command has no reply.
package enum RedisError: Error, Hashable, Sendable {
    /// The server refused it. `code` is the first word of the server's line, such as `ERR`, `NOSCRIPT` or `WRONGPASS`.
    case server(code: String, message: String)
    /// There is no connection, or it was lost before the reply came. The command may have run.
    case unavailable(String)
    /// The reply did not come in time. The command may have run, or may yet run.
    case timedOut
    /// As many commands as may be in flight are. It was not sent.
    case overloaded
    /// The task was cancelled. The command may have run, or may yet run.
    case cancelled
    /// The server's bytes are no RESP, or the reply has another shape than the command's.
    case unreadable(String)
}

extension RedisError {
    /// From a server's error line.
    init(line: String) {
        let words = line.split(separator: " ", maxSplits: 1)
        self = .server(code: words.first.map(String.init) ?? "ERR", message: words.count == 2 ? String(words[1]) : "")
    }
}

extension RedisError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server(let code, let message): "the server refuses: \(code) \(message)"
        case .unavailable(let reason): reason
        case .timedOut: "no reply in time"
        case .overloaded: "too many commands wait for their replies"
        case .cancelled: "cancelled"
        case .unreadable(let reason): "unreadable reply: \(reason)"
        }
    }
}
