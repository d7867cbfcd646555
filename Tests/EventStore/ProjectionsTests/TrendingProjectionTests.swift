import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

private let post = UUID.number(11)
private let other = UUID.number(12)
private let buckets = "SELECT hour AT TIME ZONE 'UTC', post, count FROM trending.bucket ORDER BY 1, 2"
private let parked = "SELECT p.position FROM annals.parked_events AS p JOIN annals.checkpoints USING (build) WHERE model = 'trending'"

@Suite(.timeLimit(.minutes(15))) struct `The read model of trending posts` {
    @Test(arguments: [Duration.seconds(25 * 60), .seconds(10)])
    func `adds the views of windows and of single posts up by the hour in which they were recorded, one by one or many at once`(
        step: Duration
    ) async throws {
        let history = History(step: step)
        for count in 1...12 as ClosedRange<Int64> {
            if count % 2 == 0 {
                try await history.tell(views: [post: count, other: 1], in: .number(99))
            } else {
                try await history.tell(views: count, of: post)
            }
        }
        var expected: [String: Int64] = [:]
        for event in try await history.events() {
            let hour = "\(event.recordedAt.description.prefix(10)) \(event.recordedAt.description.dropFirst(11).prefix(2)):00:00"
            let counts =
                event.type == "PostViewed"
                ? [(post.lowercased, event.data["count"]?.int)] : (event.data["counts"]?.members?.list ?? []).map { ($0.name, $0.value.int) }
            for (id, count) in counts { expected["(\"\(hour)\",\(id),", default: 0] += try #require(count) }
        }
        let found = try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            return try await database.rows(buckets)
        }
        #expect(found == expected.map { "\($0.key)\($0.value))" }.sorted())
    }

    @Test(arguments: [JSONValue.object(["x": .integer(1)]), .object([post.lowercased: .number(1.5)]), .array([])])
    func `parks a window that is none`(counts: JSONValue) async throws {
        let found = try await rows(parked) {
            try await $0.tell(NewEvent(type: "PostsViewed", schemaVersion: 1, data: ["counts": counts]), in: StreamName("viewwindow", .number(99)))
            try await $0.tell(views: [post: 1], in: .number(98))
        }
        #expect(found == ["(1)"])
    }

    @Test(arguments: [0, 9]) func `takes no views without a number, alone or among many`(others: Int) async throws {
        let found = try await rows(parked) {
            for _ in 0..<others { try await $0.tell(views: 1, of: post) }
            try await $0.tell(NewEvent(type: "PostViewed", schemaVersion: 1, data: ["count": .null]), in: StreamName("views", post))
        }
        #expect(found == ["(\(others + 1))"])
    }
}
