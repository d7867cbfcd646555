import EventSourcing
import Foundation
import Testing

@testable import QueryService

@Suite struct `A tally of views` {
    let posts = (0..<4).map { UUID(high: 0, low: $0) }

    @Test func `adds up by post and gives the oldest first`() {
        var tally = ViewTally(capacity: 10)
        for index in [1, 0, 1, 2, 1] { #expect(tally.add(posts[index]) == nil) }
        #expect(tally.postCount == 3)
        #expect(tally.takeFirst(2).map { [$0.post: $0.count] } == [[posts[1]: 3], [posts[0]: 1]])
        #expect(tally.takeFirst(2).map(\.post) == [posts[2]])
        #expect(tally.takeFirst(2).isEmpty && tally.postCount == 0)
    }

    @Test func `gives up the oldest post when it is full`() {
        var tally = ViewTally(capacity: 2)
        for index in [0, 0, 1] { #expect(tally.add(posts[index]) == nil) }
        let dropped = tally.add(posts[2])
        #expect(dropped?.post == posts[0] && dropped?.count == 2)
        #expect(tally.add(posts[1]) == nil)
        #expect(tally.takeFirst(9).map(\.count) == [2, 1])
    }

    @Test func `takes views back`() {
        var tally = ViewTally(capacity: 2)
        for index in [0, 0, 1] { _ = tally.add(posts[index]) }
        tally.subtract([posts[0]: 1, posts[1]: 1, posts[2]: 1])
        #expect(tally.postCount == 1)
        #expect(tally.takeFirst(9).map { [$0.post: $0.count] } == [[posts[0]: 1]])
    }
}
