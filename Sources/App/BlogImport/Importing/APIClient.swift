package import Logging

/// Why an import can't go on. Running it again continues where it stopped.
package enum ImportStopped: Error, Equatable, CustomStringConvertible {
    case unreachable(reason: String, after: Duration)
    case tokenRefused(String)
    case unexpectedAnswer(String)

    package var description: String {
        switch self {
        case .unreachable(let reason, let patience): "the system did not answer for \(patience.components.seconds) s: \(reason)"
        case .tokenRefused(let reason): "the system does not accept the operator's token: \(reason)"
        case .unexpectedAnswer(let reason): "the system gave an answer that can't be understood: \(reason)"
        }
    }
}

/// Makes requests with a token, and makes them again while the system is away.
package struct APIClient: Sendable {
    /// One attempt over the network. Throws when no whole answer came.
    package typealias Send = @Sendable (_ request: APIRequest, _ token: String) async throws -> APIResponse
    /// An access token for a subject, short-lived: it is asked for before every attempt.
    package typealias TokenSource = @Sendable (Subject) async throws -> String

    package let tokens: TokenSource
    package let send: Send
    /// How long after its first attempt a request is still repeated.
    package let patience: Duration
    private let clock: any Clock<Duration>
    private let logger: Logger

    package init(
        tokens: @escaping TokenSource, send: @escaping Send, patience: Duration = .seconds(60), clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger
    ) {
        self.tokens = tokens
        self.send = send
        self.patience = patience
        self.clock = clock
        self.logger = logger
    }

    /// The system's answer, a success or a refusal. Lost connections and 429, 502, 503 and 504 are tried again with growing, jittered pauses
    /// that honour `Retry-After`: every request made here may be repeated safely. Throws ``ImportStopped`` when the system stays away or does
    /// not accept the operator's token.
    package func answer(to request: APIRequest) async throws -> APIResponse { try await answer(to: request, on: clock) }

    /// The answer when it is a success; throws ``APIRefusal`` otherwise.
    package func success(of request: APIRequest) async throws -> APIResponse {
        let response = try await answer(to: request)
        guard response.isSuccess else { throw APIRefusal(response) }
        return response
    }

    /// Waits for the pause before the attempt of that number, counted from 0.
    package func pause(before attempt: Int) async throws { try await clock.sleep(for: Self.backoff(attempt)) }

    private func answer<C: Clock>(to request: APIRequest, on clock: C) async throws -> APIResponse where C.Duration == Duration {
        let end = clock.now.advanced(by: patience)
        var attempt = 0
        while true {
            let reason: String
            var pause = Self.backoff(attempt)
            switch try await self.attempt(request) {
            // A user's token is refused where the account is not active; the operator's never is.
            case .success(let response) where response.status == 401 && request.subject == .operatorAdmin:
                throw ImportStopped.tokenRefused(APIRefusal(response).description)
            case .success(let response) where !response.isTransient: return response
            case .success(let response):
                reason = APIRefusal(response).description
                pause = max(pause, response.retryAfter ?? .zero)
            case .failure(let lost):
                reason = lost.reason
            }
            guard clock.now.advanced(by: pause) < end else { throw ImportStopped.unreachable(reason: reason, after: patience) }
            logger.debug("trying again", metadata: ["path": "\(request.path)", "reason": "\(reason)", "attempt": "\(attempt + 1)"])
            try await clock.sleep(for: pause)
            attempt += 1
        }
    }

    private struct LostConnection: Error {
        let reason: String
    }

    private func attempt(_ request: APIRequest) async throws -> Result<APIResponse, LostConnection> {
        let token = try await tokens(request.subject)
        do {
            return .success(try await send(request, token))
        } catch {
            try Task.checkCancellation()
            return .failure(LostConnection(reason: String(describing: error)))
        }
    }

    /// Doubles from 100 ms to 5 s, minus up to half at random, so that the workers don't retry at the same moment.
    private static func backoff(_ attempt: Int) -> Duration {
        let longest = min(5000, 100 << min(attempt, 10))
        return .milliseconds(Int.random(in: longest / 2...longest))
    }
}
