import ArgumentParser
import EventSourcing

extension Events {
    /// `annals events tail`: the newest events and, with `--follow`, those to come.
    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the newest events of the log.",
            discussion: "With --after and without --last it shows all events after that position. Ctrl-C ends --follow with exit code 0.")

        @OptionGroup var flags: SettingsFlags
        @OptionGroup var output: EventOutput

        @Option(help: "Only events after this position.")
        var after: Int64?

        @Option(help: "How many of the newest events. (10)")
        var last: Int?

        @Flag(name: [.short, .long], help: "Go on with events as they are appended.")
        var follow = false

        @Option(help: "Only events of this stream.")
        var stream: StreamName?

        @OptionGroup var selection: EventTypeSelection

        func validate() throws {
            guard after ?? 0 >= 0 else { throw ValidationError("--after is 0 or more") }
            guard last ?? 1 >= (follow ? 0 : 1) else { throw ValidationError("--last is 1 or more, with --follow 0 or more") }
            if stream != nil, selection.category != nil { throw ValidationError("--stream and --category don't go together") }
        }

        func run() async throws {
            if follow { endWellOnInterrupt() }
            let operation = try await Operation.begin(flags)
            try await operation.readLog(output.form, isWoken: follow) { log in
                if let stream { try await show(stream, of: log) } else { try await showAll(of: log) }
            }
        }

        private func show(_ stream: StreamName, of log: some EventStore) async throws {
            // A followed stream may not exist yet.
            if !follow { try await log.require(stream) }
            let head = try await log.head()
            let part = try await newest.part(of: stream, in: log)
            var shown: Int64 = 0
            try await write(log.pages(of: part, pageSize: Events.pageSize)) { event in
                shown = event.position
                return true
            }
            guard follow else { return }
            let later = log.subscribe(after: head, to: EventFilter(category: stream.category), pageSize: Events.pageSize)
            try await write(later) { $0.stream == stream && $0.position > shown }
        }

        private func showAll(of log: some EventStore) async throws {
            let part = try await newest.part(of: log)
            if follow {
                try await write(log.subscribe(after: part.positions.lowerBound - 1, to: filter, pageSize: Events.pageSize))
            } else {
                try await write(log.pages(of: part, pageSize: Events.pageSize))
            }
        }

        private func write(
            _ pages: some AsyncSequence<[RecordedEvent], any Error>, where isWanted: (RecordedEvent) -> Bool = { _ in true }
        ) async throws {
            let standardOutput = StandardOutput()
            for try await page in pages {
                try await standardOutput.write(page.filter { isWanted($0) && filter.matches($0) }.map(output.lines.line))
            }
        }

        private var filter: EventFilter { selection.filter }

        private var newest: NewestEvents {
            NewestEvents(after: after ?? 0, count: last ?? (after == nil ? 10 : .max), filter: filter)
        }
    }
}

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
