import EventSourcing
import FoundationEssentials
import JSON
import Testing

private func read(_ text: String) -> EventMetadata? {
    var text = text
    return text.withUTF8 { EventMetadata(storedAs: UnsafeRawBufferPointer($0)) }
}

private let id = "0198a3c4-0001-7abc-8def-00112233ff99"
private let other = "0198a3c4-0002-7abc-8def-00112233ff99"

@Suite struct `Stored metadata` {
    @Test func `are read as they were written`() throws {
        let all = EventMetadata(
            actor: UUID(lowercase: id), command: try #require(UUID(lowercase: other)), correlation: "a request", causation: UUID(lowercase: id),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        #expect(read(JSONValue.object(all.json).serialized) == all)
        let least = EventMetadata(command: try #require(UUID(lowercase: id)))
        #expect(read(JSONValue.object(least.json).serialized) == least)
    }

    @Test func `say where an import took the content from`() throws {
        let origin = ImportOrigin(
            id: try #require(UUID(lowercase: id)), collection: String(repeating: "a", count: 22), source: String(repeating: "B", count: 22),
            author: String(repeating: "-", count: 22), digest: String(repeating: "9", count: 22))
        let metadata = EventMetadata(command: try #require(UUID(lowercase: other)), origin: origin)
        #expect(read(JSONValue.object(metadata.json).serialized) == metadata)
        #expect(ImportOrigin(origin.description) == origin)
    }

    @Test(arguments: ["", "a.b", "\(id)", "\(id).a.b.c.d", "\(id)\(String(repeating: ".aaaaaaaaaaaaaaaaaaaaaa", count: 5))", "x.a.b.c.d"])
    func `of an import have one form`(text: String) {
        #expect(ImportOrigin(text) == nil)
    }

    /// The tree can read what the quick way can't; both see the same.
    @Test(arguments: [
        #"{"command": "\#(id)"}"#,
        #"{ "command" : "\#(id)" , "actor" : "\#(other)" }"#,
        #"{"actor": "\#(other)", "command": "\#(id)", "correlation": "é \" \\ \n 👩‍👩‍👧"}"#,
        #"{"command": "\#(id)", "correlation": "\u00e9"}"#,
        #"{"command": "\#(id)", "later": {"actor": "\#(other)"}, "number": 7}"#,
        #"{"later": [1, "}"], "command": "\#(id)"}"#,
        #"{"command": "\#(id)", "actor": null}"#,
        #"{"command": "\#(id)", "actor": "nobody"}"#,
        #"{"comm\u0061nd": "\#(id)"}"#,
    ])
    func `are the same read in the quick way and as a tree`(text: String) throws {
        let tree = try #require(JSONValue.parse(text).members.flatMap { EventMetadata(json: $0) })
        #expect(read(text) == tree)
    }

    @Test(arguments: [
        "", "{}", "[]", "{", #"{"command"}"#, #"{"command": "#, #"{"command": "\#(id)""#, #"{"command": "\#(id)"} "x""#, #"{"actor": "\#(id)"}"#,
        #"{"command": "nothing"}"#, #"{"command": 7}"#,
    ])
    func `of another form are nil`(text: String) {
        #expect(read(text) == nil)
    }
}
