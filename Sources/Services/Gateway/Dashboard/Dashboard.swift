import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import PublishingAPI

/// `GET /dashboard`: what a signed-in user sees first, in parts that are asked of the services side by side with the caller's own token. Each has a
/// deadline of its own. One that fails is named, and the others are answered.
struct Dashboard: Sendable {
    /// More than any part needs.
    private static let maximumBytes = 1 << 20
    /// The fields of the caller's request that the parts get.
    private static let passedOn: [HTTPField.Name] = [.authorization, .waitForPosition, .prefer]

    private struct Part {
        let name: String
        let endpoint: Endpoint
        /// The path, with its parameters and its query.
        let target: String
    }

    let services: @Sendable (ServiceName) -> any Upstream
    private let deadline: Duration
    /// Kept of the request's own time for the answer without the late parts; twice as long as a late part may go unnoticed.
    private let margin: Duration
    private let deadlines: DeadlineWatch

    /// - Parameters:
    ///   - deadline: of a part.
    ///   - whole: of a request.
    init(services: @escaping @Sendable (ServiceName) -> any Upstream, deadline: Duration, whole: Duration, on loop: any EventLoop) {
        self.services = services
        self.deadline = deadline
        margin = min(deadline, whole) / 4
        deadlines = DeadlineWatch(longest: min(deadline, whole) / 2, on: loop)
    }

    func response(to request: Request, _ context: CallContext) async throws -> Response {
        try request.refuseParameters()
        _ = try Preconditions.waitForPosition(request)
        let parts = try parts(of: context.signedIn().id)
        let answers = await withTaskGroup(of: (Int, PartAnswer?).self) { group in
            for (index, part) in parts.enumerated() { group.addTask { (index, await answer(part, request, context)) } }
            var answers = [PartAnswer?](repeating: nil, count: parts.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers
        }
        var writer = JSONWriter(capacity: 8192)
        let all = zip(parts, answers)
        writer.object {
            $0.name("data")
            $0.object {
                for (part, answer) in all {
                    $0.name(part.name)
                    $0.value(answer?.data ?? .null)
                }
            }
            $0.name("unavailable")
            $0.array { for (part, answer) in all where answer == nil { $0.string(part.name) } }
        }
        // The parts' own tags leave view counts out, so that a reader's glance does not change them.
        let tag = entityTag(listBody: Array(all.map { "\($0.name) \($1?.tag ?? "none")" }.joined(separator: "\n").utf8))
        var headers: HTTPFields = [.cacheControl: "private, no-cache"]
        headers.setETag(tag)
        if let position = answers.compactMap({ $0?.position }).min() { headers.setReadModelPosition(position) }
        if Preconditions.isNotModified(request, etag: tag) { return Answer.notModified(headers: headers) }
        return Answer.bytes(json: writer.bytes, headers: headers)
    }

    private func parts(of user: UUID) -> [Part] {
        [
            Part(name: "user", endpoint: .currentUser, target: Endpoint.currentUser.path()),
            Part(name: "posts", endpoint: .postsOfUser, target: Endpoint.postsOfUser.path(user.lowercased) + "?limit=5"),
            Part(name: "totals", endpoint: .ownTotals, target: Endpoint.ownTotals.path()),
            Part(name: "trending", endpoint: .trendingPosts, target: Endpoint.trendingPosts.path() + "?limit=5"),
        ]
    }

    /// Nil when the part fails in any way, or is late.
    private func answer(_ part: Part, _ request: Request, _ context: CallContext) async -> PartAnswer? {
        var headers = HTTPFields()
        for name in Self.passedOn { headers[name] = request.header(name)?.string }
        let head = HTTPRequest(method: .get, scheme: "http", authority: request.head.authority, path: part.target, headerFields: headers)
        let call = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let service = services(part.endpoint.route.service)
        do {
            return try await deadlines.apply(TimeBudget(min(deadline, (context.budget?.remaining ?? deadline) - margin))) {
                let response = try await service.send(call, context: context)
                guard response.status == .ok else { throw FailedPart(status: response.status.code) }
                return try PartAnswer(try await response.body.collect(upTo: Self.maximumBytes), response.headers)
            }
        } catch {
            context.logger.info("a part of the dashboard failed", metadata: ["part": "\(part.name)", "error": "\(error)"])
            return nil
        }
    }
}

/// A service's answer for its part.
private struct PartAnswer {
    let data: JSONValue
    let tag: String?
    let position: Int64?

    init(_ body: ByteBuffer, _ headers: HTTPFields) throws {
        guard let data = try JSONValue.parse(body.readableBytesView)["data"] else { throw FailedPart(status: 200) }
        self.data = data
        tag = headers[.eTag]
        position = headers[.readModelPosition].flatMap { Int64($0) }
    }
}

private struct FailedPart: Error {
    let status: Int
}
