import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import PublishingAPI
import Synchronization

/// Which answers are kept for the time when their service does not answer.
package struct StaleSettings: Sendable, Equatable {
    /// All bodies together, in bytes.
    package var bytes: Int
    /// The oldest answer that is given.
    package var longestAge: Duration

    package init(bytes: Int = 16 << 20, longestAge: Duration = .seconds(600)) {
        self.bytes = bytes
        self.longestAge = longestAge
    }
}

/// The last good answers to public reads, given again while their service does not answer: an old page is better than none.
///
/// Only to callers without a token who ask for no position. The answer says how old it is (`Age`) and that it is stale (`Cache-Status`, RFC 9211).
final class StaleAnswers: Sendable {
    private static let largestBody = 64 << 10

    private struct Kept {
        let headers: HTTPFields
        let body: ByteBuffer
        let since: ContinuousClock.Instant
    }

    private let settings: StaleSettings
    private let now: @Sendable () -> ContinuousClock.Instant
    private let answers: Mutex<BoundedCache<WireText, Kept>>

    /// The bytes that are kept.
    var bytes: Int { answers.withLock { $0.bytes } }

    init(_ settings: StaleSettings, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.settings = settings
        self.now = now
        answers = Mutex(BoundedCache(bytes: settings.bytes))
    }

    /// Sends a call, keeps its answer, and gives the one that was kept when there is none. The caller's own fault is the caller's answer.
    func answer(_ request: Request, for endpoint: Endpoint, _ send: () async throws -> Response) async throws -> Response {
        guard Self.concerns(request, endpoint) else { return try await send() }
        let target = WireText(request.head.path ?? "/")
        do {
            let response = try await send()
            switch response.status {
            case .ok: return request.method == .get ? try await kept(response, under: target) : response
            case .badGateway, .serviceUnavailable, .gatewayTimeout: return stale(target, request) ?? response
            case .notModified: return response
            default:
                // The service has answered, and what it said before is no longer so.
                answers.withLock { $0.remove(target) }
                return response
            }
        } catch let problem as Problem {
            guard [.badUpstream, .unavailable, .timeout].contains(problem.code) else {
                answers.withLock { $0.remove(target) }
                throw problem
            }
            guard let response = stale(target, request) else { throw problem }
            return response
        }
    }

    private static func concerns(_ request: Request, _ endpoint: Endpoint) -> Bool {
        endpoint.route.method == .get && endpoint.route.access == .anyone && endpoint.route.service == .queries
            && !request.headers.contains(.authorization) && !request.headers.contains(.waitForPosition)
    }

    private func kept(_ response: Response, under target: WireText) async throws -> Response {
        guard let length = response.body.contentLength, length <= Self.largestBody else {
            answers.withLock { $0.remove(target) }
            return response
        }
        let body = try await response.body.collect(upTo: length)
        let kept = Kept(headers: response.headers, body: body, since: now())
        // A name costs, too.
        answers.withLock { $0.keep(kept, size: body.readableBytes + target.count + 512, for: target) }
        return Response(status: response.status, headers: response.headers, body: ResponseBody(byteBuffer: body))
    }

    private func stale(_ target: WireText, _ request: Request) -> Response? {
        guard let kept = answers.withLock({ $0.value(for: target) }) else { return nil }
        let age = now() - kept.since
        guard age <= settings.longestAge else { return nil }
        var headers = kept.headers
        headers[.age] = String(age.components.seconds)
        headers[.cacheStatus] = "annals; hit; detail=stale"
        if let tag = headers[.eTag], Preconditions.isNotModified(request, etag: tag) {
            headers[.contentType] = nil
            return Answer.notModified(headers: headers)
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: kept.body))
    }
}
