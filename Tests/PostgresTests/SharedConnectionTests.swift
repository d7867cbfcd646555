import Logging
import Postgres
import TestSupport
import Testing

@Suite struct `A shared connection` {
    @Test func `answers twenty concurrent queries each with its own`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let answers = try await withThrowingTaskGroup(of: (Int32, Int32).self) { group in
                for number in Int32(0)..<20 {
                    group.addTask { (number, try await pool.query(.echo, [.int4(number)])[0].get(0)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 20)
            #expect(answers.allSatisfy { $0.0 == $0.1 })
            #expect(pool.statistics.open == 1)
        }
    }
}
