import CLibpq
import NIOPosix
import Synchronization

struct DatabaseError: Error {
    let message: String
}

/// Connections of libpq. Each query takes a thread and a connection until its answer is there.
final class Database: Sendable {
    private let threads: NIOThreadPool
    private let idle: Mutex<[Connection]>

    /// - Parameter statements: prepared on each connection, by name.
    init(url: String, connections: Int, statements: [String: String]) throws {
        threads = NIOThreadPool(numberOfThreads: connections)
        idle = Mutex(try (0..<connections).map { _ in try Connection(url: url, statements: statements) })
        threads.start()
    }

    func query(_ statement: String, _ values: [String] = []) async throws -> Rows {
        try await threads.runIfActive { [self] in
            guard let connection = idle.withLock({ $0.popLast() }) else { throw DatabaseError(message: "more threads than connections") }
            defer { idle.withLock { $0.append(connection) } }
            return try connection.query(statement, values)
        }
    }
}

/// One connection; `Database` lets one thread at a time use it.
private final class Connection: @unchecked Sendable {
    private let pointer: OpaquePointer

    init(url: String, statements: [String: String]) throws {
        guard let pointer = PQconnectdb(url), PQstatus(pointer) == CONNECTION_OK else { throw DatabaseError(message: "no connection to \(url)") }
        self.pointer = pointer
        for (name, sql) in statements {
            let result = PQprepare(pointer, name, sql, 0, nil)
            defer { PQclear(result) }
            guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw DatabaseError(message: String(cString: PQerrorMessage(pointer))) }
        }
    }

    func query(_ statement: String, _ values: [String]) throws -> Rows {
        let texts = values.map { strdup($0) }
        defer { for text in texts { free(text) } }
        let result = PQexecPrepared(pointer, statement, Int32(texts.count), texts.map { UnsafePointer($0) }, nil, nil, 0)
        guard let result, PQresultStatus(result) == PGRES_TUPLES_OK else {
            PQclear(result)
            throw DatabaseError(message: String(cString: PQerrorMessage(pointer)))
        }
        return Rows(result)
    }
}

/// The rows of an answer, in text form. They never change.
final class Rows: @unchecked Sendable {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }

    func text(_ row: Int, _ column: Int) -> String? {
        PQgetisnull(result, Int32(row), Int32(column)) == 1 ? nil : String(cString: PQgetvalue(result, Int32(row), Int32(column)))
    }

    func integer(_ row: Int, _ column: Int) -> Int { text(row, column).flatMap { Int($0) } ?? 0 }
}
