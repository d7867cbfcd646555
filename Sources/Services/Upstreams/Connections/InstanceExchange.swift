import NIOCore
import NIOHTTP1
import Synchronization

/// Stands for one attempt at a call on every thread; the attempt itself belongs to one event loop.
final class AttemptTicket: Sendable {
    /// The caller waits no longer.
    let isGivenUp = Atomic(false)
    /// The rest of the request's body is of no use.
    let isSettled = Atomic(false)
}

/// The answer of an instance, its body as a whole when it is small and announced, else as it comes.
struct InstanceAnswer: Sendable {
    enum Body: Sendable {
        case whole(ByteBuffer)
        case parts(AnswerParts)
    }

    let head: HTTPResponseHead
    let body: Body
    /// Ends the rest of the body, with `CancellationError` for its reader.
    var giveUp: @Sendable () -> Void = {}
}

/// The parts of an answer's body. The connection is read no further while several wait to be taken.
typealias AnswerParts = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, AnswerPartsReader
>

/// Tells the connection what the reader of an answer's body does.
final class AnswerPartsReader: NIOAsyncSequenceProducerDelegate {
    private let onDemand: @Sendable () -> Void
    private let onEnd: @Sendable () -> Void

    init(onDemand: @escaping @Sendable () -> Void, onEnd: @escaping @Sendable () -> Void) {
        self.onDemand = onDemand
        self.onEnd = onEnd
    }

    func produceMore() { onDemand() }
    func didTerminate() { onEnd() }
}

/// A request on its way to an instance and the answer to it. Used on one event loop only.
final class InstanceExchange {
    let ticket: AttemptTicket
    let instance: Instance
    let head: HTTPRequestHead
    /// Nil for one whose parts its caller writes.
    let body: ByteBuffer?
    /// When the answer has to have begun.
    let deadline: NIODeadline
    /// Nil until there is a connection, on which the request has begun.
    var connection: InstanceConnection?
    /// When the instance was last heard of.
    var heard: NIODeadline

    private var begun: CheckedContinuation<any Channel, any Error>?
    private var answer: CheckedContinuation<InstanceAnswer, any Error>?
    private var outcome: Result<InstanceAnswer, any Error>?

    init(_ ticket: AttemptTicket, to instance: Instance, _ head: HTTPRequestHead, body: ByteBuffer?, by deadline: NIODeadline, now: NIODeadline) {
        self.ticket = ticket
        self.instance = instance
        self.head = head
        self.body = body
        self.deadline = deadline
        heard = now
    }

    /// Whether there is an answer, or there will be none.
    var isSettled: Bool { outcome != nil }

    /// Resumes the continuation when the request is on its way, with the channel that takes its body.
    func onBegin(_ continuation: CheckedContinuation<any Channel, any Error>) { begun = continuation }

    /// Resumes the continuation with the answer.
    func onAnswer(_ continuation: CheckedContinuation<InstanceAnswer, any Error>) {
        if let outcome { continuation.resume(with: outcome) } else { answer = continuation }
    }

    func begin(on connection: InstanceConnection, _ channel: any Channel) {
        self.connection = connection
        begun.take()?.resume(returning: channel)
    }

    /// Ends the wait for an answer, once.
    func settle(_ outcome: Result<InstanceAnswer, any Error>) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        ticket.isSettled.store(true, ordering: .releasing)
        if case .failure(let error) = outcome { begun.take()?.resume(throwing: error) }
        answer.take()?.resume(with: outcome)
    }
}
