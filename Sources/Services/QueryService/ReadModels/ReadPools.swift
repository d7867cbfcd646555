package import Postgres

/// The connections to the read database, apart for statements that read different tables.
///
/// Statements of many callers follow each other down a shared connection, so one that waits for a locked table holds up all behind it. Behind each
/// other are only statements that read the same tables, and would wait for that one, too.
package struct ReadPools: Sendable {
    /// For statements that read none of the read models' tables.
    package let shared: ConnectionPool
    private let byStatement: [String: ConnectionPool]

    /// - Parameter makePool: makes a pool of so many multiplexed connections.
    package init(_ makePool: (_ multiplexed: Int) -> ConnectionPool) {
        shared = makePool(1)
        var byTables: [Set<Substring>: ConnectionPool] = [:]
        byStatement = ReadStatements.all.reduce(into: [:]) { pools, statement in
            let tables = statement.tables
            // Reads gather behind each other, so a second connection would only make their groups smaller.
            let pool = byTables[tables] ?? makePool(1)
            byTables[tables] = pool
            pools[statement.name] = pool
        }
    }

    /// One pool for everything.
    package init(all pool: ConnectionPool) {
        shared = pool
        byStatement = [:]
    }

    /// All of them, each once, for the caller to run.
    package var all: [ConnectionPool] {
        byStatement.values.reduce(into: [shared]) { all, pool in if !all.contains(where: { $0 === pool }) { all.append(pool) } }
    }

    subscript(statement: Statement) -> ConnectionPool { byStatement[statement.name] ?? shared }
}

extension Statement {
    /// The tables of read models that it names: words with a model's schema in front.
    var tables: Set<Substring> {
        let words = sql.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        return Set(words.filter { word in JoinedModel.all.contains { word.hasPrefix("\($0.rawValue).") } })
    }
}
