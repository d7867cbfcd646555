import Postgres

/// Whether the statements that read the live tables still work: each is run for no rows, with the readers' rights.
struct ReaderCheck {
    /// The server's answer about one statement.
    enum Finding: Equatable {
        /// It works, and answers columns of these types.
        case columns([UInt32])
        case broken(reason: String)
    }

    /// Types that this program decodes alike at any width.
    private static let families: [Set<UInt32>] = [[20, 21, 23], [700, 701], [25, 1043]]

    let model: String
    let readers: [Statement]

    /// Takes everything back, locks included, so that nothing is held while something else is waited for.
    /// - Parameter moment: makes the statements' texts other ones than at another moment: the server keeps what a text has answered once.
    func findings(_ moment: String, in session: Session) async throws -> [Finding] {
        try await session.execute(script: "SAVEPOINT readers; SET LOCAL ROLE annals_queries")
        var findings: [Finding] = []
        for reader in readers {
            try await session.execute(script: "SAVEPOINT reader")
            do {
                let parameters = Array(repeating: SQLValue.null, count: reader.parameterCount)
                let probe = Statement("\(moment) \(reader.name)", "SELECT * FROM (\(reader.sql)) AS reader LIMIT 0 -- \(moment)")
                findings.append(.columns(try await session.query(probe, parameters).columnTypes))
            } catch {
                guard let state = error.sqlState, !error.isTransient else { throw error }
                findings.append(.broken(reason: "\(error.message) (\(state.rawValue))"))
            }
            try await session.execute(script: "ROLLBACK TO SAVEPOINT reader")
        }
        try await session.execute(script: "ROLLBACK TO SAVEPOINT readers")
        return findings
    }

    /// Throws `MaintenanceError.readerBroken` for the first statement that worked and does so no more, or that answers other types. One that did not
    /// work before, because another model's tables are not those that it is written for, is no reason against these.
    func compare(_ before: [Finding], _ after: [Finding], in session: Session) async throws {
        for (reader, (before, after)) in zip(readers, zip(before, after)) {
            guard case .columns(let old) = before else { continue }
            switch after {
            case .broken(let reason): throw MaintenanceError.readerBroken(model: model, statement: reader.name, reason: reason)
            case .columns(let new):
                guard let changed = zip(old, new).enumerated().first(where: { !Self.areAlike($0.element.0, $0.element.1) }) else { continue }
                let names = try await session.query(.typeNames, [.int8(Int64(changed.element.0)), .int8(Int64(changed.element.1))])[0]
                let reason = try
                    "its column \(changed.offset + 1) would be \(names.get(1, as: String.self)) instead of \(names.get(0, as: String.self))"
                throw MaintenanceError.readerBroken(model: model, statement: reader.name, reason: reason)
            }
        }
    }

    private static func areAlike(_ old: UInt32, _ new: UInt32) -> Bool {
        old == new || families.contains { $0.contains(old) && $0.contains(new) }
    }
}

extension Statement {
    /// The highest of `$1`, `$2`, …
    fileprivate var parameterCount: Int {
        SQLScanner.tokens(of: sql).filter { $0.kind == .positional }.compactMap { token in
            Int(String(decoding: sql.utf8.dropFirst(token.range.lowerBound + 1).prefix(token.range.count - 1), as: UTF8.self))
        }.max() ?? 0
    }

    fileprivate static let typeNames = Statement("type_names", "SELECT format_type($1::bigint::oid, NULL), format_type($2::bigint::oid, NULL)")
}
