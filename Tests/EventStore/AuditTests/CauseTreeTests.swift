import Audit
import EventSourcing
import FoundationEssentials
import JSON
import Testing

@Suite struct `The tree of what a call has caused` {
    private let user = UUID.v7()

    private func event(_ position: Int64, command: UUID, causation: UUID? = nil) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: StreamName("post", user), version: Int(position), id: .v7(), type: "Happened",
            schemaVersion: 1, data: [:], metadata: EventMetadata(actor: user, command: command, correlation: "call", causation: causation),
            recordedAt: .now)
    }

    @Test func `has each command with its events, and below an event what that has led to`() {
        let (first, second, third) = (UUID.v7(), UUID.v7(), UUID.v7())
        let (one, two) = (event(1, command: first), event(2, command: first))
        let (three, four) = (event(3, command: second, causation: two.id), event(4, command: third))
        let tree = CauseTree([one, two, three, four])
        #expect(tree.roots.map(\.id) == [first, third])
        #expect(tree.roots[0].events.map(\.position) == [1, 2])
        #expect(tree.roots[0].events[0].commands.isEmpty)
        #expect(tree.roots[0].events[1].commands.map(\.id) == [second])
        #expect(tree.roots[0].events[1].commands[0].events.map(\.position) == [3])
    }

    @Test func `names a cause that is no part of the call`() {
        let cause = UUID.v7()
        #expect(CauseTree([event(1, command: .v7(), causation: cause)]).roots[0].cause == cause)
    }

    @Test func `ends also where events name each other as causes`() {
        let (a, b) = (UUID.v7(), UUID.v7())
        let later = event(2, command: b)
        let earlier = event(1, command: a, causation: later.id)
        let tree = CauseTree([earlier, event(2, command: b, causation: earlier.id), later])
        #expect(tree.roots.map(\.id) == [a])
    }
}
