import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A webhook of a running system` {
    private static let settings = ["ANNALS_WEBHOOK_NETWORKS": "127.0.0.0/8"]

    @Test(arguments: [false, true]) func `delivers signed events, tests and replays, until its receiver is gone`(isApart: Bool) async throws {
        try await withSystem(environment: Self.settings, isApart: isApart) { system, anyone in
            try await Receiver.with { receiver in
                let (admin, ann) = (try await system.admin(), try await anyone.signedUp("ann"))
                let made = try await admin.call(.POST, "/webhooks", json: Self.body(receiver, ["PostPublished", "PostDeleted"]))
                let path = "/webhooks/\(try #require(made.data["id"]?.text))"
                let keys = try Keys(made)
                #expect(made.status == 201 && made.headers.first(name: "Location") == "/api/v1\(path)")

                let post = try await ann.call(.POST, "/posts", json: #"{"title":"Hooked","content":"x","publish":true}"#)
                let id = try #require(post.data["id"]?.text)
                // A delivery may be repeated: they are told apart by what they are of.
                try await eventually { !receiver.calls.isEmpty }
                let first = receiver.calls[0]
                let event = try JSONValue.parse(Array(first.body.utf8))
                #expect(event["type"]?.text == "annals.PostPublished" && event["id"]?.text == first.id)
                try await eventually { try await Self.deliveries(admin, path).first?["state"]?.text == "delivered" }

                #expect(try await admin.call(.POST, path + "/test").status == 202)
                var tested: Receiver.Call?
                try await eventually {
                    tested = receiver.calls.first { $0.body.contains(#""type":"annals.WebhookTested""#) }
                    return tested != nil
                }
                let test = try #require(tested)
                #expect(try await Self.accepted([first, test], keys) == [first.id, test.id])

                let rotated = try Keys(try await admin.call(.POST, path + "/secret"))
                #expect(rotated.secret != keys.secret)
                #expect(try await admin.call(.POST, path + "/replay", json: #"{"after":0}"#).status == 202)
                var replayed: Receiver.Call?
                try await eventually {
                    replayed = receiver.calls.first { $0.id == first.id && $0.signatures.count == 4 }
                    return replayed != nil
                }
                let again = try #require(replayed)
                #expect(again.body == first.body)
                #expect(try await Self.accepted([again], rotated) == [first.id])
                let ahead = try await admin.call(.POST, path + "/replay", json: #"{"after":999999}"#)
                #expect(ahead.status == 409 && ahead.code == "POSITION_AHEAD")

                receiver.answer { _ in Receiver.Answer(status: 410) }
                #expect(try await ann.call(.DELETE, "/posts/\(id)").status == 204)
                try await eventually { try await Self.list(admin, "/webhooks").first?["state"]?.text == "ended" }
                #expect(Set(receiver.calls.map(\.id)).count == 3)

                #expect(try await admin.call(.DELETE, path).status == 204)
                try await eventually { try await Self.list(admin, "/webhooks").isEmpty }
                #expect(try await admin.call(.GET, path + "/deliveries").status == 404)
            }
        }
    }

    @Test func `is listed with its deliveries in pages, for admins, and without its secret`() async throws {
        try await withSystem(environment: Self.settings) { system, anyone in
            try await Receiver.with { receiver in
                let (admin, ann) = (try await system.admin(), try await anyone.signedUp("ann"))
                receiver.answer { _ in Receiver.Answer(status: 500) }
                var ids: [String] = []
                for _ in 0..<3 {
                    let made = try await admin.call(.POST, "/webhooks", json: Self.body(receiver, ["PostDrafted"]))
                    ids.insert(try #require(made.data["id"]?.text), at: 0)
                }
                let first = try await admin.call(.GET, "/webhooks?limit=2")
                #expect(Self.items(first).map { $0["id"]?.text } == ids.prefix(2).map(Optional.some))
                #expect(first.json["pagination"]?["total"]?.int == 3 && first.headers.first(name: "Read-Model-Position") != nil)
                #expect(!String(decoding: first.body, as: UTF8.self).contains("whsec_"))
                let next = try #require(first.json["pagination"]?["nextCursor"]?.text)
                let second = try await admin.call(.GET, "/webhooks?limit=2&cursor=\(next)")
                #expect(Self.items(second).map { $0["id"]?.text } == [ids[2]] && second.json["pagination"]?["nextCursor"] == nil)

                for title in ["One", "Two", "Three"] { _ = try await ann.call(.POST, "/posts", json: #"{"title":"\#(title)","content":"x"}"#) }
                let path = "/webhooks/\(ids[0])/deliveries"
                try await eventually { try await Self.list(admin, path + "?state=pending").filter { $0["attempts"]?.int ?? 0 > 0 }.count == 3 }
                let tried = try await admin.call(.GET, path + "?limit=2")
                let cursor = try #require(tried.json["pagination"]?["nextCursor"]?.text)
                let rest = try await admin.call(.GET, path + "?limit=2&cursor=\(cursor)")
                let all = Self.items(tried) + Self.items(rest)
                let positions = all.compactMap { $0["position"]?.int }
                #expect(positions.count == 3 && positions == positions.sorted(by: >))
                #expect(all.allSatisfy { $0["lastStatus"]?.int == 500 && $0["type"]?.text == "PostDrafted" && $0["nextAttemptAt"]?.text != nil })
                #expect(try await Self.list(admin, path + "?state=delivered").isEmpty)
                let counted = try await Self.list(admin, "/webhooks").first
                #expect(counted?["pending"]?.int == 3 && counted?["parked"]?.int == 0)

                for list in ["/webhooks", path] {
                    #expect(try await anyone.call(.GET, list).status == 401)
                    #expect(try await ann.call(.GET, list).status == 403)
                    let wrong = try await admin.call(.GET, list + "?limit=0&state=lost&more=1")
                    #expect(wrong.status == 422 && wrong.fields.contains("limit") && wrong.fields.contains("more"))
                    #expect(try await admin.call(.GET, list + "?cursor=abc").code == "MALFORMED_REQUEST")
                }
                #expect(try await admin.call(.GET, path + "?state=lost").fields == ["state"])
                #expect(try await admin.call(.GET, "/webhooks/\(UUID.v7().lowercased)/deliveries").status == 404)
                #expect(try await admin.call(.GET, "/webhooks/nobody/deliveries").status == 400)
            }
        }
    }

    private static func body(_ receiver: Receiver, _ types: [String]) -> String {
        #"{"url":"http://127.0.0.1:\#(receiver.port)/hook","types":["\#(types.joined(separator: "\",\""))"]}"#
    }

    private static func items(_ answer: Client.Answer) -> [JSONValue] {
        if case .array(let items) = answer.data { items } else { [] }
    }

    private static func list(_ admin: Client, _ path: String) async throws -> [JSONValue] {
        let answer = try await admin.call(.GET, path)
        try #require(answer.status == 200, "\(answer.json)")
        return items(answer)
    }

    private static func deliveries(_ admin: Client, _ path: String) async throws -> [JSONValue] { try await list(admin, path + "/deliveries") }

    /// The key that a receiver verifies by.
    private struct Keys {
        let secret, publicKey: String

        init(_ answer: Client.Answer) throws {
            secret = try #require(answer.data["secret"]?.text)
            publicKey = try #require(answer.data["publicKey"]?.text)
        }
    }

    /// The ids of the calls that the libraries of Standard Webhooks and of Svix accept.
    private static func accepted(_ calls: [Receiver.Call], _ keys: Keys) async throws -> [String] {
        let lines = calls.map { call in
            let headers = call.headers.reduce(into: JSONObject()) { $0[$1.name] = .string($1.value) }
            return JSONValue.object([
                "secret": .string(keys.secret), "publicKey": .string(keys.publicKey), "headers": .object(headers), "body": .string(call.body),
            ]).serialized
        }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("deliveries-" + UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try lines.joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
        let folder = repositoryRoot + "/Tests/Services/WebhookDeliveryTests/Receivers"
        let (end, said, complaints) = try await ChildProgram.run([repositoryRoot + "/Tests/python", folder, "verify.py", path])
        try #require(end == .exit(0), "\(complaints)")
        return said.split(separator: "\n").map(String.init)
    }
}
