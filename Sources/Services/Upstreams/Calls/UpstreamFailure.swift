import AsyncHTTPClient
import Glibc
import HTTPContract
import NIOCore
import NIOPosix

/// Why a call to an instance has no answer.
struct UpstreamFailure: Error {
    enum Kind {
        /// No connection: nothing was sent.
        case unreachable
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

    /// The error of the HTTP client.
    init(_ error: any Error) {
        self.init(Self.kind(of: error), "\(error)")
    }

    private static func kind(of error: any Error) -> Kind {
        switch error {
        case is NIOConnectionError: .unreachable
        case let error as IOError: error.errnoCode == ECONNREFUSED ? .unreachable : .broken
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout: .unreachable
            case .deadlineExceeded, .readTimeout, .writeTimeout: .late
            default: .broken
            }
        case ChannelError.connectTimeout: .unreachable
        default: .broken
        }
    }

    /// As the client sees it. Says nothing of the instance.
    var problem: Problem {
        switch kind {
        case .unreachable: .unavailable()
        case .broken: .badUpstream()
        case .late: .timeout()
        }
    }
}
