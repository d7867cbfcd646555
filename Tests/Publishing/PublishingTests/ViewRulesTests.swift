import EventSourcing
import FoundationEssentials
import Publishing
import Testing

@Suite struct `The views of a post` {
    @Test func `are recorded as a count`() {
        #expect(given(ViewRules.self).when(.record(count: 3)) == .success([.viewed(count: 3)]))
    }

    @Test(arguments: [0, -1, ViewRules.maximumCount + 1, .min, .max]) func `are not recorded when no such count can be`(count: Int64) {
        #expect(given(ViewRules.self, .viewed(count: 1)).when(.record(count: count)) == .failure(.countOutOfRange))
    }

    @Test func `add up, and stop at the largest number`() {
        #expect(ViewRules.fold([]) == .unseen)
        #expect(ViewRules.fold([.viewed(count: 3), .viewed(count: 4)]).total == 7)
        #expect(ViewRules.fold([.viewed(count: .max), .viewed(count: 4)]).total == .max)
    }

    @Test func `take no claims and are nobody's personal data`() {
        let stream = StreamName(ViewRules.category, Sample.ann)
        #expect(ViewRules.claims(for: [.viewed(count: 1)], in: .unseen, on: stream).isEmpty)
        #expect(ViewRules.subject(of: [.viewed(count: 1)], in: .unseen, on: stream) == nil)
    }
}

@Suite struct `A window of views` {
    private static let (one, two) = (UUID.v7(), UUID.v7())

    @Test func `is one event, however many posts were viewed`() {
        #expect(given(ViewWindowRules.self).when(.record([Self.one: 3, Self.two: 1])) == .success([.viewed([Self.one: 3, Self.two: 1])]))
    }

    @Test func `without views is no event`() {
        #expect(given(ViewWindowRules.self).when(.record([:])) == .success([]))
    }

    @Test(arguments: [0, -1, ViewRules.maximumCount + 1]) func `is not recorded when one of its counts can't be`(count: Int64) {
        #expect(given(ViewWindowRules.self).when(.record([Self.one: 1, Self.two: count])) == .failure(.countOutOfRange))
    }

    @Test func `adds up all posts' views, and stops at the largest number`() {
        #expect(ViewWindowRules.fold([.viewed([Self.one: 3, Self.two: 1]), .viewed([Self.one: 2])]) == 6)
        #expect(ViewWindowRules.fold([.viewed([Self.one: .max]), .viewed([Self.two: 1])]) == .max)
    }
}
