import Crypto
import EventSourcing
import FoundationEssentials
import JSON
import Testing
import Vault

@Suite struct `A sealed event` {
    private static let ann = UUID.v7()
    private static let key = SymmetricKey(size: .bits256)
    private static let stream = StreamName("post", .v7())
    private static let event = UUID.v7()
    private static let data: JSONObject = [
        "author": .string(ann.lowercased), "title": .string("👩🏽‍🚀 שלום \u{1F1E6}\u{1F1F9}"), "content": .string("line\n\"quoted\" \\ \u{7}"),
        "count": .integer(7),
    ]

    private static func sealed(_ data: JSONObject = data, personal: [String] = ["title", "slug", "content"]) throws -> JSONObject {
        let text = try EventSealing.seal(data, personal: personal, for: ann, with: key, stream: stream, event: event)
        return try #require(try JSONValue.parse(Array(text.utf8)).members)
    }

    private static func opened(
        _ stored: JSONObject, with key: KeyVault.DataKey = .usable(key), stream: StreamName = stream, event: UUID = event
    ) throws -> JSONObject {
        try EventSealing.open(stored, with: key, stream: stream, event: event)
    }

    @Test func `opens as it was`() throws {
        let opened = try Self.opened(try Self.sealed())
        for name in Self.data.names { #expect(opened[name] == Self.data[name]) }
        #expect(opened.names.sorted() == Self.data.names.sorted())
    }

    @Test func `shows whose it is, its open fields, and the names of the others`() throws {
        let stored = try Self.sealed()
        #expect(stored.names == ["author", "count", "$sealed"])
        #expect(EventSealing.subject(of: stored) == Self.ann)
        #expect(stored["$sealed"]?["fields"] == .array([.string("title"), .string("content")]))
        #expect(!JSONValue.object(stored).serialized.contains("quoted"))
    }

    @Test func `looks different each time`() throws {
        #expect(try Self.sealed() != Self.sealed())
    }

    @Test func `says nothing of fields that it does not have`() throws {
        let opened = try Self.opened(try Self.sealed(["title": .string("A")]))
        #expect(opened == ["title": .string("A")])
        #expect(try Self.opened(try Self.sealed(["title": .string("A")]), with: .destroyed) == ["title": .null])
    }

    @Test func `is null in its personal fields once the key is destroyed`() throws {
        let opened = try Self.opened(try Self.sealed(), with: .destroyed)
        #expect(opened["title"] == .null && opened["content"] == .null && opened["slug"] == nil)
        #expect(opened["author"] == Self.data["author"] && opened["count"] == .integer(7))
    }

    @Test func `is unchanged when nothing in it is personal`() throws {
        let data: JSONObject = ["count": .integer(7)]
        #expect(try Self.sealed(data) == data)
        #expect(try Self.sealed(Self.data, personal: []) == Self.data)
        #expect(EventSealing.subject(of: data) == nil)
        #expect(try Self.opened(data) == data && Self.opened(data, with: .destroyed) == data)
    }

    @Test func `stays sealed in another stream, under another id, to another key`() throws {
        let stored = try Self.sealed()
        let damaged = VaultError.damaged(event: Self.event)
        #expect(throws: damaged) { try Self.opened(stored, stream: StreamName("post", .v7())) }
        #expect(throws: damaged) { try Self.opened(stored, stream: StreamName("user", Self.stream.id)) }
        #expect(throws: damaged) { try Self.opened(stored, with: .usable(SymmetricKey(size: .bits256))) }
        let other = UUID.v7()
        #expect(throws: VaultError.damaged(event: other)) { try Self.opened(stored, event: other) }
    }

    @Test(arguments: [
        #"{"$sealed":{}}"#, #"{"$sealed":{"box":"no base64!","fields":["title"]}}"#, #"{"$sealed":{"box":"AAAA","fields":["title"]}}"#,
        #"{"$sealed":7}"#,
    ])
    func `is known for damaged`(text: String) throws {
        let stored = try #require(try JSONValue.parse(text.utf8).members)
        #expect(throws: VaultError.damaged(event: Self.event)) { try Self.opened(stored) }
    }
}
