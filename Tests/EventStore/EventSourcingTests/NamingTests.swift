import EventSourcing
import FoundationEssentials
import JSON
import TestSupport
import Testing

@Suite struct `A new id` {
    @Test func `carries its time, its version and its variant`() {
        var random = SeededRandom(seed: 1)
        for milliseconds in [Int64(0), 1, 1_795_222_923_004, 0xFFFF_FFFF_FFFF] {
            let text = UUID.v7(at: Timestamp(milliseconds: milliseconds), using: &random).lowercased
            #expect(Int64(text.prefix(8) + text.dropFirst(9).prefix(4), radix: 16) == milliseconds)
            #expect(text.dropFirst(14).first == "7")
            #expect("89ab".contains(text.dropFirst(19).prefix(1)))
        }
    }

    @Test func `sorts after those made before`() {
        let ids = (0..<1000).map { UUID.v7(at: Timestamp(milliseconds: 1_795_222_923_000 + Int64($0))).lowercased }
        #expect(ids == ids.sorted())
    }

    @Test func `is not made twice`() {
        let time = Timestamp.now
        #expect(Set((0..<10_000).map { _ in UUID.v7(at: time) }).count == 10_000)
    }
}

@Suite struct `An id's text` {
    private let text = "0198a3c4-0001-7abc-8def-00112233ff99"

    @Test func `has one spelling, in lower case`() {
        #expect(UUID(lowercase: text)?.lowercased == text)
        #expect(UUID(lowercase: text.uppercased()) == nil)
        #expect(UUID(lowercase: text) == UUID(uuidString: text))
        #expect(UUID(high: 0x0198_A3C4_0001_7ABC, low: 0x8DEF_0011_2233_FF99).lowercased == text)
    }

    @Test(arguments: [
        "", "0198a3c4-0001-7abc-8def-00112233ff9", "0198a3c4-0001-7abc-8def-00112233ff999", "0198a3c400017abc8def00112233ff99",
        "g198a3c4-0001-7abc-8def-00112233ff99",
        "0198a3c4-0001-7abc-8def_00112233ff99", "{198a3c4-0001-7abc-8def-00112233ff9}",
    ])
    func `is nothing else`(text: String) {
        #expect(UUID(lowercase: text) == nil)
    }
}

@Suite struct `A stream's name` {
    private let id = UUID(high: 0x0198_A3C4_0001_7ABC, low: 0x8DEF_0011_2233_FF99)

    @Test func `is its category and its id`() {
        #expect(StreamName("post", id).description == "post-0198a3c4-0001-7abc-8def-00112233ff99")
        #expect(StreamName("post-0198a3c4-0001-7abc-8def-00112233ff99") == StreamName("post", id))
    }

    @Test(arguments: [
        "", "post", "post-", "-0198a3c4-0001-7abc-8def-00112233ff99", "0198a3c4-0001-7abc-8def-00112233ff99",
        "Post-0198a3c4-0001-7abc-8def-00112233ff99",
        "po st-0198a3c4-0001-7abc-8def-00112233ff99", "post-0198A3C4-0001-7abc-8def-00112233ff99", "post-x-0198a3c4-0001-7abc-8def-00112233ff99",
    ])
    func `has no other form`(text: String) {
        #expect(StreamName(text) == nil)
    }
}

@Suite struct `An event's metadata` {
    @Test func `reads back as written, with and without its options`() {
        let full = EventMetadata(actor: .v7(), command: .v7(), correlation: "req-1", causation: .v7(), traceparent: "00-ab-cd-01")
        #expect(EventMetadata(json: full.json) == full)
        #expect(full.json.names == ["actor", "command", "correlation", "causation", "traceparent"])
        let least = EventMetadata(command: .v7())
        #expect(EventMetadata(json: least.json) == least)
        #expect(least.json.names == ["command"])
    }

    @Test func `names its command`() {
        #expect(EventMetadata(json: [:]) == nil)
        #expect(EventMetadata(json: ["command": .string("x")]) == nil)
    }
}
