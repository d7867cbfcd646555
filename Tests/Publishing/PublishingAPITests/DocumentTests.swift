import EventSourcing
import FoundationEssentials
import JSON
import PublishingAPI
import Testing

@Suite struct `A post's JSON` {
    private func text(_ content: PostDocument.Text, viewCount: Int64?) -> (String, [Range<Int>]) {
        let id = UUID.v7(at: Timestamp(milliseconds: 0))
        let post = PostDocument(
            id: id, title: "T", slug: nil, text: content, isPublished: true, viewCount: viewCount,
            author: PostDocument.Author(id: id, username: "ann", displayName: nil), createdAt: Timestamp(milliseconds: 0),
            updatedAt: Timestamp(milliseconds: 1), publishedAt: nil, version: 3)
        var writer = JSONWriter()
        var viewCounts: [Range<Int>] = []
        post.write(to: &writer, viewCounts: &viewCounts)
        return (writer.text.replacing(id.lowercased, with: "ID"), viewCounts.map { range in range })
    }

    @Test func `has what was taken back as null, and an excerpt in place of the content in lists`() {
        #expect(
            text(.content(nil), viewCount: nil).0
                == #"{"id":"ID","title":"T","slug":null,"content":null,"published":true,"author":{"id":"ID","username":"ann","displayName":null},"#
                + #""createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.001Z","publishedAt":null,"version":3}"#)
        #expect(text(.excerpt("E"), viewCount: 7).0.contains(#""slug":null,"excerpt":"E","published":true,"viewCount":7,"author""#))
    }

    @Test func `names the place of its view count, and only that`() throws {
        let (_, places) = text(.excerpt("E"), viewCount: 7)
        #expect(places.map(\.count) == [#","viewCount":7"#.utf8.count])
        #expect(text(.excerpt("E"), viewCount: nil).1.isEmpty)
    }
}

@Suite struct `A time in an answer` {
    @Test func `reads as RFC 3339 says, like any other of ours`() {
        for milliseconds in [0, 1, 951_782_400_000, 1_767_225_600_123, 4_102_444_799_999, 253_402_300_799_999, 253_402_300_800_000, -1] as [Int64] {
            #expect(String(decoding: Timestamp(milliseconds: milliseconds).quoted, as: UTF8.self) == "\"\(Timestamp(milliseconds: milliseconds))\"")
        }
    }
}
