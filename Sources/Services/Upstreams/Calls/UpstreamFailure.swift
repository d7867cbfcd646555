import HTTPContract

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

    /// An error of a connection on which the request had begun.
    init(_ error: any Error) { self = error as? UpstreamFailure ?? UpstreamFailure(.broken, "\(error)") }

    /// As the client sees it. Says nothing of the instance.
    var problem: Problem {
        switch kind {
        case .unreachable: .unavailable()
        case .broken: .badUpstream()
        case .late: .timeout()
        }
    }
}
