import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import PublishingAPI
import Synchronization

/// The command service as the query service meets it over HTTP: takes views, once for each key, and can be told to fail.
final class CommandPeer: Sendable {
    enum Mood: Sendable {
        case good
        /// Answers 503 to so many calls, without taking anything.
        case failing(Int)
        /// Takes the views of so many calls, and still answers 503.
        case forgetful(Int)
        /// Answers 422 to everything.
        case refusing
        /// Takes views, and answers once it is released.
        case holding
    }

    fileprivate struct State {
        var mood = Mood.good
        var position: Int64 = 100
        /// The calls under each key, and where each ended.
        var taken: [String: (body: JSONObject, position: Int64)] = [:]
        var counts: [String: Int64] = [:]
        var calls: [[String: Int64]] = []
        /// The changes of the log, and its head.
        var changes: [PostChanges.Change] = []
        var head: Int64 = 0
        var questionsOfChanges = 0
        /// Where the streams of posts stand.
        var places: [UUID: Int64] = [:]
    }

    private let state = Mutex(State())
    private let heard: AsyncStream<[String: Int64]>.Continuation
    private let (held, gate) = AsyncStream<Never>.makeStream()
    /// Every call as it comes: posts and their counts.
    let calls: AsyncStream<[String: Int64]>
    private let asked: AsyncStream<UUID>.Continuation
    /// The posts whose streams were asked for.
    let questions: AsyncStream<UUID>
    private let services: ServiceKeys
    private let logger: Logger

    init(services: ServiceKeys, logger: Logger) {
        self.services = services
        self.logger = logger
        (calls, heard) = AsyncStream.makeStream()
        (questions, asked) = AsyncStream.makeStream()
    }

    /// Its HTTP boundary.
    var responder: ServiceResponder {
        var routes = Routes()
        routes.on(.recordViews) { request, _ in
            let body = try await request.jsonBody()
            guard let key = try Preconditions.idempotencyKey(request) else { throw Problem.malformed("A key is needed.") }
            // Keys belong to callers.
            let caller = HTTPField.Name("X-Annals-Caller").flatMap { request.headers[$0] } ?? "nobody"
            let (position, wasReplayed) = try self.take(body, key: "\(caller) \(key)")
            if self.isHolding { for await _ in self.held {} }
            var headers = HTTPFields()
            headers.setPosition(position)
            if wasReplayed { headers.markReplayed() }
            return Answer.data(headers: headers) { $0.object { $0.member("position", position) } }
        }
        routes.on(.postPosition) { _, context in
            let post = try context.id()
            self.asked.yield(post)
            guard let position = self.state.withLock({ $0.places[post] }) else { throw Problem.notFound() }
            return Answer.data { $0.object { $0.member("position", position) } }
        }
        routes.on(.postChanges) { request, _ in
            var query = QueryParameters(request)
            let after = Int64(query.integer("after", in: 0...Int.max, default: 0))
            let limit = Int64(query.integer("limit", in: 0...1000, default: 0))
            let changes = try self.state.withLock { state throws(Problem) in
                if limit > 0 { state.questionsOfChanges += 1 }
                guard after <= state.head else { throw .positionAhead(of: state.head) }
                let through = min(state.head, after + limit)
                return PostChanges(
                    changes: state.changes.filter { after + 1...max(after + 1, through) ~= $0.position && $0.position <= through }, through: through,
                    head: state.head)
            }
            // The real one holds its answer back.
            if limit > 0, changes.through == after { try await Task.sleep(for: .milliseconds(2)) }
            return Answer.data { changes.write(to: &$0) }
        }
        return routes.responder(for: .commands, authentication: Authentication(verifier: nil, services: services), logger: logger)
    }

    /// The log takes an event that means this to readers of posts; nil for one that means nothing. Returns its position.
    @discardableResult
    func happens(_ kind: PostChanges.Kind?, _ posts: UUID...) -> Int64 {
        state.withLock { state in
            state.head += 1
            if let kind {
                state.changes.append(
                    PostChanges.Change(position: state.head, kind: kind, posts: posts, at: Timestamp(milliseconds: Newsroom.time(0))))
            }
            return state.head
        }
    }

    /// The log takes so many events that mean nothing to readers of posts.
    func passes(_ count: Int64) { state.withLock { $0.head += count } }

    /// How often it was asked for changes.
    var questionsOfChanges: Int { state.withLock { $0.questionsOfChanges } }

    func become(_ mood: Mood) { state.withLock { $0.mood = mood } }

    /// From now on a post's last event is there.
    func place(_ post: UUID, at position: Int64) { state.withLock { $0.places[post] = position } }

    /// Ends the holding of answers.
    func release() {
        become(.good)
        gate.finish()
    }

    private var isHolding: Bool {
        if case .holding = state.withLock(\.mood) { true } else { false }
    }

    /// How many views of each post it has taken.
    var counts: [String: Int64] { state.withLock { $0.counts } }

    /// How often it was called.
    var callCount: Int { state.withLock { $0.calls.count } }

    private func take(_ body: JSONObject, key: String) throws(Problem) -> (Int64, wasReplayed: Bool) {
        var views: [String: Int64] = [:]
        for entry in body["views"]?.elements ?? [] { views[entry["post"]?.text ?? "", default: 0] += entry["count"]?.int ?? 0 }
        if body["recorded"] != nil {
            var asked = body
            asked["recorded"] = nil
            guard let known = state.withLock({ $0.taken[key] }) else { throw .notFound() }
            guard known.body == asked else { throw .idempotencyKeyReused() }
            return (known.position, true)
        }
        defer { heard.yield(views) }
        let result: Result<(Int64, wasReplayed: Bool), Problem> = state.withLock { state in
            state.calls.append(views)
            switch state.mood {
            case .refusing: return .failure(.validation("views", "not these"))
            case .failing(let rest) where rest > 0:
                state.mood = .failing(rest - 1)
                return .failure(.unavailable())
            case .forgetful(let rest) where rest > 0:
                state.mood = .forgetful(rest - 1)
                _ = state.append(body, views, key)
                return .failure(.unavailable())
            case .good, .failing, .forgetful, .holding: return state.append(body, views, key)
            }
        }
        return try result.get()
    }
}

extension CommandPeer.State {
    fileprivate mutating func append(_ body: JSONObject, _ views: [String: Int64], _ key: String) -> Result<(Int64, wasReplayed: Bool), Problem> {
        if let taken = taken[key] {
            return taken.body == body ? .success((taken.position, true)) : .failure(.idempotencyKeyReused())
        }
        position += 1
        for (post, count) in views { counts[post, default: 0] += count }
        taken[key] = (body, position)
        return .success((position, false))
    }
}
