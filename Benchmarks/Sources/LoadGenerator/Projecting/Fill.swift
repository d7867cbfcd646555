import ArgumentParser
import Crypto
import EventLog
import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Vault

/// Writes a history straight into the log's table, since what is measured comes afterwards.
struct Fill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Fills a prepared log with a history, and a plain table with it opened.")
    private static let chunk = 10_000

    @OptionGroup var options: LogOptions
    @Option(help: "The database with the table `events` for the plain form.") var plain: String?
    @Option(help: "Events.") var count: Int

    func run() async throws {
        let (options, count) = (options, count)
        let plain = try plain.map(ConnectionTarget.init(url:))
        try await MeasuredLog.open(options) { log in
            var keys: [UUID: SymmetricKey] = [:]
            for (author, key) in try await log.vault.keys(of: Set(Authors.all)) {
                if case .usable(let key) = key { keys[author] = key }
            }
            var history = MixedHistory(after: try await log.store.head(), keys: keys)
            guard let plain else { return try await Self.fill(&history, count, log: log.pool, plain: nil) }
            try await ConnectionPool.withPool(plain, logger: Logger(label: "benchmark")) { plain in
                try await Self.fill(&history, count, log: log.pool, plain: plain)
            }
        }
    }

    private static func fill(_ history: inout MixedHistory, _ count: Int, log: ConnectionPool, plain: ConnectionPool?) async throws {
        for start in stride(from: 0, to: count, by: chunk) {
            var (sealed, opened): ([UInt8], [UInt8]) = ([], [])
            for _ in 0..<min(chunk, count - start) {
                let row = try history.next()
                sealed += row.line(data: row.sealed, fields: row.fields)
                if plain != nil { opened += row.line(data: row.plain) }
            }
            try await copy(sealed, into: "log.events (\(columns), fields)", of: log)
            if let plain { try await copy(opened, into: "events (\(columns))", of: plain) }
        }
    }

    private static let columns = "position, stream, version, id, type, schema_version, data, metadata, recorded_at"

    private static func copy(_ lines: [UInt8], into table: String, of pool: ConnectionPool) async throws {
        try await pool.withSession { session in
            let chunks = AsyncStream { continuation in
                continuation.yield(lines)
                continuation.finish()
            }
            try await session.copyIn("COPY \(table) FROM STDIN", chunks)
        }
    }
}

extension MixedHistory.Row {
    /// As COPY reads it.
    fileprivate func line(data: String, fields: String? = nil) -> String.UTF8View {
        var columns = ["\(position)", "\(stream)", "\(version)", id.lowercased, type, "1", data, metadata, "\(recordedAt)"]
        if let fields { columns.append(fields) }
        let line = columns.joined(separator: "\t") + "\n"
        return line.utf8.contains(UInt8(ascii: "\\")) ? line.replacing("\\", with: "\\\\").utf8 : line.utf8
    }
}
