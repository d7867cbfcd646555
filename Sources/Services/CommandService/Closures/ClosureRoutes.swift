import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing

/// What the closure of an account does to the log. The auth service leads it, step by step; each of these may be called again at any time.
struct ClosureRoutes: Sendable {
    let store: any EventStore
    let administration: Administration
    let admins: CommandHandler<AdminRules>
    let posts: CommandHandler<PostRules>
    let hasher: any KeyedHasher

    func add(to routes: inout Routes) {
        routes.on(.post, "/internal/users/{id}/closure/claim") { [self] request, context in
            let (position, wasHeld) = try await releaseClaim(ClosureCall(request, context, hasher: hasher))
            return answer(position, ("wasHeld", .bool(wasHeld)))
        }
        routes.on(.post, "/internal/users/{id}/closure") { [self] request, context in
            let call = try await ClosureCall(request, context, hasher: hasher)
            return answer(try await administration.handle(.close, on: call.user, by: .owner, as: call.command("close")).position)
        }
        routes.on(.post, "/internal/users/{id}/closure/posts") { [self] request, context in
            let (position, count) = try await deletePosts(ClosureCall(request, context, hasher: hasher))
            return answer(position, ("count", .integer(Int64(count))))
        }
    }

    /// Gives up `active`, and an admin's place among the admins: from here on no command of the user goes through. Says whether the claim was there to be given up; who
    /// leads the closure knows what to make of it when it was not. The last admin is refused here, before anything has changed.
    private func releaseClaim(_ call: ClosureCall) async throws -> (position: Int64, wasHeld: Bool) {
        let command = call.command("claim")
        let append = StreamAppend([], to: call.account, expecting: call.expectedVersion, sealedFor: nil)
        for _ in 0..<10 {
            let outcome = try await store.append(
                AppendRequest(
                    [append] + (try await withdrawal(of: call)), claims: [.requireActive(call.user), .release(.active)], command: command.key,
                    metadata: command.metadata))
            switch outcome {
            case .appended(let receipt), .alreadyAppended(let receipt): return (receipt.lastPosition, true)
            case .claimMissing: return (try await store.read(StreamRead(call.account, .backwards), limit: 1).first?.position ?? 0, false)
            case .conflict(call.account, let actual): throw CommandFailure.wrongVersion(actual: actual)
            case .conflict: continue
            case .claimTaken(let kind): throw CommandFailure.claimTaken(kind)
            }
        }
        throw CommandFailure.contended
    }

    /// What the stream of the admins takes along; nothing for who is no admin.
    private func withdrawal(of call: ClosureCall) async throws -> [StreamAppend] {
        let user = try FoldedStream<UserRules>(try await store.load(call.account).events)
        guard user.state.actsAsAdmin else { return [] }
        return [try await admins.decision(on: AdminCommand(user: call.user, acts: false, authority: .owner), for: AdminRules.stream)]
    }

    /// Deletes the user's posts, side by side. Those that are deleted already are no error. Returns the last position, and how many the closure has deleted.
    private func deletePosts(_ call: ClosureCall) async throws -> (position: Int64, count: Int) {
        let closure = try await closureEvent(of: call.account)
        return try await withThrowingTaskGroup(of: Int64?.self) { group in
            for post in call.posts { group.addTask { try await delete(post, call, causation: closure.id) } }
            return try await group.reduce(into: (closure.position, 0)) { result, position in
                guard let position else { return }
                result = (max(result.0, position), result.1 + 1)
            }
        }
    }

    /// Where the post's deletion stands in the log; nil when somebody had deleted it before.
    private func delete(_ post: UUID, _ call: ClosureCall, causation: UUID) async throws -> Int64? {
        do {
            return try await posts.handle(
                .delete(by: call.actor), on: StreamName(PostRules.category, post),
                as: call.command("post", post.lowercased, causation: causation)
            ).position
        } catch PostRefusal.deleted {
            return nil
        }
    }

    /// The event that closed the account: what its posts' deletions are caused by.
    private func closureEvent(of account: StreamName) async throws -> RecordedEvent {
        let last = try await store.read(StreamRead(account, .backwards), limit: 1).first
        guard let last, try UserRules.decode(last) == .closed else { throw Problem.conflict("The account is not closed.") }
        return last
    }

    private func answer(_ position: Int64, _ more: (name: String, value: JSONValue)? = nil) -> Response {
        var headers = HTTPFields()
        headers.setPosition(position)
        return Answer.data(headers: headers) {
            $0.object {
                $0.name("position")
                $0.integer(position)
                guard let more else { return }
                $0.name(more.name)
                $0.value(more.value)
            }
        }
    }
}
