import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import PublishingAPI
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Scheduling a post` {
    static func body(_ at: String) -> String { #"{"at":"\#(at)"}"# }
    static let future = Timestamp.now.advanced(by: .seconds(86_400)).description

    @Test func `is one event a time, and another time replaces it`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let first = try await newsroom.call(.post, "\(post.path)/schedule", Self.body(Self.future), by: ann)
            #expect(first.status == 202 && first.happened == ["PostScheduled"])
            #expect(first.text == #"{"data":{"id":"\#(post.id.lowercased)","at":"\#(Self.future)"}}"#)
            #expect(try await newsroom.call(.post, "\(post.path)/schedule", Self.body(Self.future), by: ann).happened == [])
            let later = Timestamp.now.advanced(by: .seconds(90_000)).description
            #expect(try await newsroom.call(.post, "\(post.path)/schedule", Self.body(later), by: ann).happened == ["PostScheduled"])
            #expect(try await newsroom.call(.get, "\(post.path)?version=3", by: ann).data?["scheduledAt"]?.text == later)
        }
    }

    @Test func `is answered alike when it is repeated after its time`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let time = Timestamp.now.advanced(by: .seconds(5))
            func schedule() async throws -> Reply {
                try await newsroom.call(
                    .post, "\(post.path)/schedule", Self.body(time.description), by: ann, headers: .idempotencyKey("once"))
            }
            let first = try await schedule()
            #expect(first.status == 202 && first.happened == ["PostScheduled"])
            try await eventually { Timestamp.now > time }
            let again = try await schedule()
            #expect(again.status == 202 && again.text == first.text && again.happened == [])
        }
    }

    @Test(arguments: ["2014-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", "tomorrow", ""])
    func `refuses a time that is past, far or none`(at: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.post, "\(post.path)/schedule", at.isEmpty ? "{}" : Self.body(at), by: ann)
            #expect(reply.status == 422 && reply.fields == ["at"] && reply.happened == [])
        }
    }

    @Test func `is not for published, deleted or others' posts`() async throws {
        try await Newsroom.open { newsroom in
            let (ann, bob) = (try await newsroom.person("ann"), try await newsroom.person("bob"))
            let published = try await newsroom.post(by: ann, publish: true)
            #expect(try await newsroom.call(.post, "\(published.path)/schedule", Self.body(Self.future), by: ann).status == 409)
            #expect(try await newsroom.call(.post, "\(published.path)/schedule", Self.body(Self.future), by: bob).status == 403)
            _ = try await newsroom.call(.delete, published.path, by: ann)
            #expect(try await newsroom.call(.post, "\(published.path)/schedule", Self.body(Self.future), by: ann).status == 409)
            #expect(try await newsroom.call(.delete, "\(published.path)/schedule", by: ann).status == 404)
        }
    }

    @Test func `is taken back by its author, by publishing and by deleting`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            #expect(try await newsroom.call(.delete, "\(post.path)/schedule", by: ann).status == 404)
            _ = try await newsroom.call(.post, "\(post.path)/schedule", Self.body(Self.future), by: ann)
            let taken = try await newsroom.call(.delete, "\(post.path)/schedule", by: ann)
            #expect(taken.status == 204 && taken.happened == ["PostUnscheduled"])
            _ = try await newsroom.call(.post, "\(post.path)/schedule", Self.body(Self.future), by: ann)
            #expect(try await newsroom.call(.post, "\(post.path)/publish", by: ann).happened == ["PostUnscheduled", "PostPublished"])
            let other = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.post, "\(other.path)/schedule", Self.body(Self.future), by: ann)
            #expect(try await newsroom.call(.delete, other.path, by: ann).happened == ["PostUnscheduled", "PostDeleted"])
        }
    }

    @Test func `is carried out by the relay alone, once, at the time that holds`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.post, "\(post.path)/schedule", Self.body(Self.future), by: ann)
            let path = "/internal/posts/\(post.id.lowercased)/schedule"
            func carryOut(_ at: String, _ command: UUID) async throws -> Reply {
                let body = #"{"command":"\#(command.lowercased)","author":"\#(ann.id.lowercased)","at":"\#(at)"}"#
                return try await newsroom.call(.post, path, body, headers: Newsroom.asService(.relay))
            }
            #expect(try await newsroom.call(.post, path, "{}", headers: Newsroom.asService(.auth)).status == 404)
            let command = UUID.v7()
            #expect(try await carryOut("2030-01-01T00:00:00.000Z", command).status == 404)
            #expect(try await carryOut(Self.future, command).happened == ["PostPublished"])
            let again = try await carryOut(Self.future, command)
            #expect(again.status == 200 && again.happened == [])
        }
    }
}
