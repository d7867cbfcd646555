package import Logging
package import PublishingAPI

/// Instances as DNS knows them, asked for again as their times to live run out. When an answer fails or has no instance, the last one that had some
/// stays: callers notice by themselves when nobody is there.
package struct DNSDiscovery: Discovery {
    /// How long an answer is good for.
    struct Pace: Sendable {
        /// A time to live of nothing would mean to ask all the time.
        var shortest: Duration = .seconds(1)
        /// So that a change is seen the same hour, whatever the time to live was.
        var longest: Duration = .seconds(60)
        /// After a failure.
        var retry: Duration = .seconds(1)

        func rest(after answer: DNSAnswer) -> Duration { min(max(.seconds(Int(answer.timeToLive)), shortest), longest) }
    }

    private let questions: [ServiceName: DNSQuestion]
    private let resolver: DNSResolver
    private let pace: Pace
    private let lists = InstanceLists()
    private let logger: Logger

    package init(_ questions: [ServiceName: DNSQuestion], resolver: DNSResolver, logger: Logger) {
        self.init(questions, resolver: resolver, pace: Pace(), logger: logger)
    }

    init(_ questions: [ServiceName: DNSQuestion], resolver: DNSResolver, pace: Pace, logger: Logger) {
        self.questions = questions
        self.resolver = resolver
        self.pace = pace
        self.logger = logger
    }

    package func instances(of service: ServiceName) -> AsyncStream<[Instance]> { lists.changes(of: service) }

    package func run() async throws {
        try await withThrowingTaskGroup { group in
            for (service, question) in questions { group.addTask { try await follow(service, question) } }
            try await group.waitForAll()
            // Without questions there is nothing to do, and to return would end the process.
            while true { try await Task.sleep(for: .seconds(86_400)) }
        }
    }

    private func follow(_ service: ServiceName, _ question: DNSQuestion) async throws {
        var hasWarned = false
        while true {
            let answer = await resolver.ask(question)
            try Task.checkCancellation()
            switch answer {
            case .success(let answer):
                if hasWarned { logger.info("DNS answers again", metadata: ["service": "\(service)", "question": "\(question)"]) }
                hasWarned = false
                lists.found(answer.instances, of: service)
                try await Task.sleep(for: pace.rest(after: answer))
            case .failure(let failure):
                if !hasWarned {
                    logger.warning(
                        "DNS names no instances: those known last stay",
                        metadata: ["service": "\(service)", "question": "\(question)", "reason": "\(failure)"])
                }
                hasWarned = true
                try await Task.sleep(for: pace.retry * Double.random(in: 0.5...1))
            }
        }
    }
}
