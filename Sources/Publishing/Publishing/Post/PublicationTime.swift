package import EventSourcing

extension PostRules {
    /// When a post with this history became public: the author's time where one was named, else when its last `PostPublished` was recorded. Nil when
    /// the history
    /// does not end published. Throws for an event that can't be read.
    package static func publicationTime(in history: [RecordedEvent]) throws(EventDecodingError) -> Timestamp? {
        for event in history.reversed() {
            switch try decode(event) {
            case .published(let publishedAt): return publishedAt ?? event.recordedAt
            case .drafted, .unpublished, .deleted: return nil
            case .edited: continue
            }
        }
        return nil
    }
}
