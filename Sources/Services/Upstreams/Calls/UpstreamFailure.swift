import Glibc
import HTTPContract
import NIOCore
import NIOPosix

/// Why a call to an instance has no answer.
struct UpstreamFailure: Error {
    enum Kind: String {
        /// Nobody listens: nothing was sent.
        case unreachable
        /// No connection in the time of the call: nothing was sent.
        case unconnected
        /// This process has no descriptor, port or memory for a connection: nothing was sent.
        case exhausted
        /// The time was up before the body of the request had come from its client.
        case unsent
        /// The answer was no HTTP, or broke off.
        case broken
        /// No answer in time.
        case late
    }

    let kind: Kind
    /// For the log; it may name addresses.
    let reason: String

    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// An error of a connection on which the request had begun.
    init(_ error: any Error) { self = error as? UpstreamFailure ?? UpstreamFailure(.broken, "\(error)") }

    /// Why there is no connection.
    init(connecting error: any Error) { self.init(Self.isExhaustion(error) ? .exhausted : .unreachable, Self.words(for: error)) }

    /// Whether any of the request may have reached the instance.
    var mayHaveArrived: Bool {
        switch kind {
        case .unreachable, .unconnected, .exhausted: false
        case .unsent, .broken, .late: true
        }
    }

    /// Whether a connection failed for want of something that this process has too little of. Of a host with several addresses, at all of them.
    private static func isExhaustion(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOConnectionError:
            !error.connectionErrors.isEmpty && error.connectionErrors.allSatisfy { isExhaustion($0.error) }
        case let error as IOError: [EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM].contains(error.errnoCode)
        default: false
        }
    }

    /// The system's own words, without the names of the library's types.
    private static func words(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: error.connectionErrors.first.map { words(for: $0.error) } ?? "no address is known for \(error.host)"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        default: "\(error)"
        }
    }

    /// As the client sees it. Says nothing of the instance.
    var problem: Problem {
        switch kind {
        case .unreachable, .unconnected, .exhausted: .unavailable()
        case .broken: .badUpstream()
        case .unsent, .late: .timeout()
        }
    }
}
