/// A queue in which callers that wait in no task get their answers, such as an event loop's.
package struct ReplyQueue: Sendable {
    /// Queues of the same name are one.
    let name: ObjectIdentifier
    /// Runs the calls in their order, soon, and never on the caller's stack.
    let enqueue: @Sendable ([@Sendable () -> Void]) -> Void

    package init(name: ObjectIdentifier, _ enqueue: @escaping @Sendable ([@Sendable () -> Void]) -> Void) {
        self.name = name
        self.enqueue = enqueue
    }
}

/// The way in which the answer to a read comes to its caller.
enum ReadReply: Sendable {
    typealias Answer = Result<QueryResult, PostgresError>

    case task(UnsafeContinuation<Answer, Never>)
    case call(ReplyQueue, @Sendable (Answer) -> Void)

    func give(_ answer: Answer) { ReadReply.give([(self, answer)]) }

    /// Gives several answers. Each queue gets its own in one piece: to wake an event loop costs more than most answers take.
    static func give(_ answers: [(reply: ReadReply, answer: Answer)]) {
        var calls: [(queue: ReplyQueue, jobs: [@Sendable () -> Void])] = []
        for (reply, answer) in answers {
            switch reply {
            case .task(let continuation): continuation.resume(returning: answer)
            case .call(let queue, let call):
                let job: @Sendable () -> Void = { call(answer) }
                if let index = calls.firstIndex(where: { $0.queue.name == queue.name }) {
                    calls[index].jobs.append(job)
                } else {
                    calls.append((queue, [job]))
                }
            }
        }
        for (queue, jobs) in calls { queue.enqueue(jobs) }
    }
}
