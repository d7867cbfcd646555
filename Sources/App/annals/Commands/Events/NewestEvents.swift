import EventSourcing

/// Finds where the newest events begin by walking backwards. They are then read forwards, so that only a page is in memory however many they are.
struct NewestEvents: Sendable {
    /// Only events after this position.
    let after: Int64
    let count: Int
    let filter: EventFilter

    /// The part of the log that begins with them.
    func part(of log: some EventStore) async throws -> LogRead {
        let first = min(after, .max - 1) + 1
        let head = try await log.head()
        var start = first
        if count < .max, head >= first {
            start = head + 1
            for try await page in log.pages(of: LogRead(filter, positions: first...head, .backwards), limit: count, pageSize: Events.pageSize) {
                start = page.last?.position ?? start
            }
        }
        return LogRead(filter, positions: start...max(start, head))
    }

    /// The part of a stream that begins with them. The reader applies the filter.
    func part(of stream: StreamName, in log: some EventStore) async throws -> StreamRead {
        var start = 1
        var end = 1
        var missing = count
        walk: for try await page in log.pages(of: StreamRead(stream, .backwards), pageSize: Events.pageSize) {
            for event in page {
                end = max(end, event.version)
                guard missing > 0, event.position > after else {
                    start = event.version + 1
                    break walk
                }
                if filter.matches(event) { missing -= 1 }
            }
        }
        return StreamRead(stream, versions: start...max(start, end))
    }
}
