import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Testing

/// The job that the system is for, as clients do it: the same however its parts and its databases are arranged.
struct MainJob {
    private let anyone: Client

    init(_ anyone: Client) { self.anyone = anyone }

    /// A post is written, read, changed, counted, and its history shown.
    func walk() async throws {
        let ann = try await anyone.signedUp("ann")
        let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Über alles 👍 مرحبا","content":"Text"}"#)
        #expect(drafted.status == 201)
        #expect(drafted.data["slug"]?.text == "uber-alles-mrhba")
        let id = try #require(drafted.data["id"]?.text)
        #expect(drafted.headers.first(name: "Location") == "/api/v1/posts/\(id)")
        #expect(drafted.headers.first(name: "ETag") == "\"1\"")

        // A draft is its author's alone.
        let wait = ["Wait-For-Position": drafted.position]
        #expect(try await anyone.call(.GET, "/posts/\(id)", headers: wait).status == 404)
        let own = try await ann.call(.GET, "/posts/\(id)", headers: wait)
        #expect(own.data["title"]?.text == "Über alles 👍 مرحبا")
        #expect(own.data["published"] == .bool(false))

        let edited = try await ann.call(.PATCH, "/posts/\(id)", json: #"{"title":"New"}"#, headers: ["If-Match": "\"1\""])
        #expect(edited.data["version"]?.int == 2)
        #expect(try await ann.call(.PATCH, "/posts/\(id)", json: #"{"title":"Late"}"#, headers: ["If-Match": "\"1\""]).status == 412)
        let published = try await ann.call(.POST, "/posts/\(id)/publish")
        #expect(published.data["version"]?.int == 3)
        #expect(try await ann.call(.POST, "/posts/\(id)/publish").position == published.position)

        let viewed = try await anyone.call(.POST, "/posts/\(id)/views", headers: ["Wait-For-Position": published.position])
        #expect(viewed.status == 202)
        let read = try await anyone.call(.GET, "/posts/\(id)", headers: ["Wait-For-Position": viewed.position])
        #expect(read.data["viewCount"]?.int == 1)
        #expect(read.data["author"]?["username"]?.text == "ann")

        let history = try await ann.call(.GET, "/posts/\(id)/history")
        guard case .array(let entries) = history.data else { Issue.record("no history: \(history)"); return }
        #expect(entries.compactMap { $0["type"]?.text } == ["PostDrafted", "PostEdited", "PostPublished"])
        let first = try await ann.call(.GET, "/posts/\(id)?version=1")
        #expect(first.data["title"]?.text == "Über alles 👍 مرحبا")
        #expect(try await anyone.call(.GET, "/posts/\(id)/history").status == 401)

        #expect(try await ann.call(.DELETE, "/posts/\(id)").status == 204)
        #expect(try await ann.call(.POST, "/posts/\(id)/publish").status == 409)
    }

    /// Of 64 clients that want one slug, one gets it.
    func race() async throws {
        let ann = try await anyone.signedUp("runner")
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...64 {
                group.addTask { try await ann.call(.POST, "/posts", json: #"{"title":"T\#(number)","content":"x","slug":"the-one"}"#).status }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [201: 1, 409: 63])
    }

    /// A client that sends back the position of its command reads its own write, each time.
    func readOwnWrites(_ tries: Int, as writer: String = "writer") async throws {
        let ann = try await anyone.signedUp(writer)
        let missed = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var missed = 0
                    for number in 0..<tries / 8 {
                        let drafted = try await ann.call(
                            .POST, "/posts", json: #"{"title":"W\#(worker) N\#(number)","content":"x","publish":true}"#)
                        let read = try await anyone.call(
                            .GET, "/posts/\(drafted.data["id"]?.text ?? "")", headers: ["Wait-For-Position": drafted.position])
                        if read.status != 200 || read.data["title"]?.text != "W\(worker) N\(number)" { missed += 1 }
                    }
                    return missed
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(missed == 0)
    }
}
