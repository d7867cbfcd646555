import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import TestSupport
import Testing

@testable import Projections

private func grouped(_ events: [RecordedEvent], isSerial: Bool = false, repeating: Set<String> = ["PostViewed"]) -> [EventGroups.Group] {
    var groups = EventGroups(isSerial: isSerial) { repeating.contains($0) }
    for event in events { groups.add(event) }
    return groups.groups
}

/// Each group as `D12`: the first letter of what happened, then the posts.
private func told(_ groups: [EventGroups.Group]) -> [String] {
    groups.map { group in
        let posts = group.events.map { "\($0.stream.id.uuid.15)" }.joined()
        return "\(group.type.dropFirst(4).prefix(1))\(posts)"
    }
}

/// Events from words such as `D1`: post 1 is drafted.
private func story(_ words: String) -> [RecordedEvent] {
    let types = ["D": "PostDrafted", "E": "PostEdited", "P": "PostPublished", "V": "PostViewed"]
    var versions: [StreamName: Int] = [:]
    return words.split(separator: " ").enumerated().map { index, word in
        let type = types[String(word.prefix(1))] ?? "?"
        let stream = StreamName(type == "PostViewed" ? "views" : "post", .number(UInt64(word.dropFirst()) ?? 0))
        versions[stream, default: 0] += 1
        return RecordedEvent(
            position: Int64(index) + 1, stream: stream, version: versions[stream] ?? 0, id: .number(UInt64(index)), type: type, schemaVersion: 1,
            data: [:], metadata: EventMetadata(command: .number(0)), recordedAt: History.start)
    }
}

@Suite struct `Events of a batch` {
    @Test func `of one type go together, over those of other streams`() {
        #expect(told(grouped(story("D1 P1 D2 D3 P3 P2"))) == ["D123", "P132"])
    }

    @Test func `keep the order of their stream`() {
        #expect(told(grouped(story("D1 P1 E1 P1 D2 E2"))) == ["D12", "P1", "E12", "P1"])
    }

    @Test func `do not meet one of their stream in a group that takes no repeats`() {
        #expect(told(grouped(story("E1 E2 E1 E1 E2 E3"))) == ["E123", "E12", "E1"])
    }

    @Test func `meet one of their stream in a group that takes repeats`() {
        #expect(told(grouped(story("V1 V2 V1 D3 V1"))) == ["V1211", "D3"])
    }

    @Test func `keep the order between a post and its views`() {
        #expect(told(grouped(story("V1 P1 V1 V2 P2"))) == ["V12", "P12", "V1"])
    }

    @Test func `pass nothing in a read model that crosses streams`() {
        #expect(told(grouped(story("D1 D2 P1 D3 D4 D4 V1 V1 V2"), isSerial: true)) == ["D12", "P1", "D34", "D4", "V112"])
    }

    @Test(arguments: [UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max)], [false, true])
    func `are all there, once, in the order of their ids`(seed: UInt64, isSerial: Bool) {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let words = (0..<2000).map { _ in "\("DEPV".randomElement(using: &random) ?? "V")\(Int.random(in: 1...40, using: &random))" }
        let events = story(words.joined(separator: " "))
        let groups = grouped(events, isSerial: isSerial)
        let applied = groups.flatMap(\.events)
        #expect(applied.map(\.position).sorted() == Array(1...2000), "seed \(seed)")
        #expect(groups.allSatisfy { group in group.events.allSatisfy { $0.type == group.type } }, "seed \(seed)")
        for (id, own) in Dictionary(grouping: applied, by: \.stream.id) {
            #expect(own.map(\.position) == own.map(\.position).sorted(), "id \(id) seed \(seed)")
        }
        for group in groups where group.type != "PostViewed" {
            #expect(Set(group.events.map(\.stream)).count == group.events.count, "seed \(seed)")
        }
        if isSerial { #expect(applied.map(\.position) == Array(1...2000), "seed \(seed)") } else { #expect(groups.count < 1000, "seed \(seed)") }
    }
}
