import EventSourcing

/// How much is written in a round.
struct Load: Sendable {
    var writers = 64
    var requestsOfEach = 10

    var requests: Int { writers * requestsOfEach }

    /// Writes it by way of the given writers in turn, each request until it is answered.
    func write(by writers: [any Writer], seed: UInt64, into book: Book) async throws {
        let ground = Ground(seed: seed)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<self.writers {
                let traffic = Traffic(on: ground, seed: seed &+ UInt64(number) &+ 1)
                group.addTask { try await write(traffic, by: writers[number % writers.count], or: writers[(number + 1) % writers.count], into: book) }
            }
            try await group.waitForAll()
        }
    }

    private func write(_ traffic: Traffic, by writer: any Writer, or other: any Writer, into book: Book) async throws {
        var traffic = traffic
        for _ in 0..<requestsOfEach {
            let request = traffic.next()
            if traffic.chance(4), request.appends.contains(where: { !$0.events.isEmpty }) {
                // The same command by way of two processes at once.
                async let repeated = book.append(request, by: other)
                traffic.learn(try await book.append(request, by: writer))
                traffic.learn(try await repeated)
            } else {
                traffic.learn(try await book.append(request, by: writer))
            }
        }
    }
}
