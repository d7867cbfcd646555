import EventLog
import EventSourcing
import FoundationEssentials
import JSON
import Publishing

/// Everything that is held about a person, as one JSON object. Each post and each event is a line, and only a page of events is in memory at a time.
struct PersonExport: Sendable {
    /// The number of positions that are searched at once.
    private static let stretch: Int64 = 50_000

    let user: UUID
    /// The identity database's record of the person.
    let identity: JSONObject
    let log: PostgresEventStore

    private var account: StreamName { StreamName(UserRules.category, user) }

    /// Writes the whole object. Throws before it writes anything if there is no such user.
    func write(to output: ExportOutput) async throws {
        try await log.require(account)
        let head = try await log.head()
        let posts = try await posts(through: head)
        let profile = try FoldedStream<UserRules>(try await log.events(deciding: UserRules.decisive, of: account))
        try await output.write([
            "{",
            member("user", .string(user.lowercased)) + ",",
            member("through", .integer(head)) + ",",
            member("profile", .object(profile.record)) + ",",
            member("identity", .object(identity)) + ",",
            "\"posts\": [",
        ])
        for (number, post) in posts.enumerated() {
            let folded = try FoldedStream<PostRules>(
                try await log.events(deciding: PostRules.decisive, of: StreamName(PostRules.category, post)))
            try await output.write([JSONValue.object(folded.record(id: post)).serialized.escapingControls + (number < posts.count - 1 ? "," : "")])
        }
        try await output.write(["],", "\"events\": ["])
        try await writeEvents(in: [account] + posts.map { StreamName(PostRules.category, $0) }, through: head, to: output)
        try await output.write(["]", "}"])
        try output.close()
    }

    private func posts(through head: Int64) async throws -> [UUID] {
        var posts: [UUID] = []
        for stretch in stretches(through: head) { posts += try await log.posts(by: user, in: stretch) }
        return posts
    }

    private func writeEvents(in streams: [StreamName], through head: Int64, to output: ExportOutput) async throws {
        let lines = EventLines(isJSON: true, catalog: .annals)
        let own = Set(streams)
        // A line is written when the next is known, since only the last has no comma.
        var held: String?
        for stretch in stretches(through: head) {
            var first = stretch.lowerBound
            while first <= stretch.upperBound {
                let page = try await log.events(
                    in: streams, about: user, naming: AdminRules.membership, positions: first...stretch.upperBound, limit: Events.pageSize)
                for event in page {
                    if let held { try await output.write([held + ","]) }
                    held = lines.line(own.contains(event.stream) ? event : event.withoutPersonalFields)
                }
                guard let last = page.last else { break }
                first = last.position + 1
            }
        }
        if let held { try await output.write([held]) }
    }

    private func stretches(through head: Int64) -> [ClosedRange<Int64>] {
        stride(from: 1, through: head, by: Int64.Stride(Self.stretch)).map { $0...min(head, $0 + Self.stretch - 1) }
    }

    private func member(_ name: String, _ value: JSONValue) -> String {
        JSONValue.string(name).serialized + ": " + value.serialized.escapingControls
    }
}

extension RecordedEvent {
    /// The same event without the values that are personal to the subject of its stream.
    fileprivate var withoutPersonalFields: RecordedEvent {
        var data = data
        for field in EventCatalog.annals[type]?.personalFields ?? [] where data[field] != nil { data[field] = .null }
        return with(schemaVersion: schemaVersion, data: data, unopened: unopened)
    }
}

extension PostgresEventStore {
    /// The posts that a user began between two positions, deleted ones too.
    func posts(by author: UUID, in positions: ClosedRange<Int64>) async throws -> [UUID] {
        try await streams(with: PostRules.authorship.type, naming: author, in: PostRules.authorship.field, positions: positions).map(\.id)
    }
}

extension FoldedStream<UserRules> {
    /// The account as it is. Personal parts are null once they are forgotten.
    var record: JSONObject {
        let account = state.account
        return [
            "username": account.json(\.username), "email": account.json(\.email), "displayName": account.json(\.displayName),
            "bio": account.json(\.bio), "role": account.map { .string($0.role.rawValue) } ?? .null,
            "registeredAt": createdAt.json, "changedAt": updatedAt.json, "version": .integer(Int64(version)),
        ]
    }
}

extension FoldedStream<PostRules> {
    /// The post as it is. Only the events are left of a deleted one.
    func record(id: UUID) -> JSONObject {
        let post = state.post
        return [
            "id": .string(id.lowercased), "status": .string(state.statusName), "title": post.json(\.title), "slug": post.json(\.slug),
            "content": post.json(\.content), "draftedAt": createdAt.json, "changedAt": updatedAt.json, "version": .integer(Int64(version)),
        ]
    }
}

extension PostState {
    fileprivate var statusName: String {
        switch self {
        case .nonexistent: "nonexistent"
        case .draft: "draft"
        case .published: "published"
        case .deleted: "deleted"
        }
    }
}

extension Optional {
    fileprivate func json(_ part: KeyPath<Wrapped, Personal<String>>) -> JSONValue {
        flatMap { $0[keyPath: part].value }.map { .string($0) } ?? .null
    }
}

extension Timestamp? {
    fileprivate var json: JSONValue { map { .string($0.description) } ?? .null }
}
