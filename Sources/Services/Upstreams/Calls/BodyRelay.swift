import NIOCore
import Synchronization

/// Hands the parts of a request's body to the HTTP client, one at a time: the next is read when the last was taken.
///
/// The client reads in a task of its own, which may go on for a moment after the call. The body may be read by one task only. So the client reads
/// here, and the task of the call reads the body.
final class BodyRelay: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private struct State {
        /// Whether the client has asked for the first part.
        var isAsked = false
        var start: CheckedContinuation<Bool, Never>?
        var part: ByteBuffer?
        var end: Result<Void, any Error>?
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
        var writer: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Reads the body to its end. After `close()` the rest is dropped. A body that the client never asked for is not touched, and can be sent
    /// elsewhere.
    func relay(_ body: some AsyncSequence<ByteBuffer, any Error> & Sendable) async {
        guard await isWanted() else { return }
        do {
            for try await part in body { await hand(part) }
            end(.success(()))
        } catch {
            end(.failure(error))
        }
    }

    /// Nobody reads any more.
    func close() { end(.failure(CancellationError())) }

    private func isWanted() async -> Bool {
        await withCheckedContinuation { continuation in
            let known: Bool? = state.withLock { state in
                if state.isAsked { return true }
                if state.end != nil { return false }
                state.start = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    private func hand(_ part: ByteBuffer) async {
        await withCheckedContinuation { continuation in
            let (reader, isDone) = state.withLock { state -> (CheckedContinuation<ByteBuffer?, any Error>?, Bool) in
                if state.end != nil { return (nil, true) }
                if let reader = state.reader.take() { return (reader, true) }
                state.part = part
                state.writer = continuation
                return (nil, false)
            }
            reader?.resume(returning: part)
            if isDone { continuation.resume() }
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        let (reader, writer, start) = state.withLock { state in
            if state.end == nil { state.end = result }
            return (state.reader.take(), state.writer.take(), state.start.take())
        }
        start?.resume(returning: false)
        writer?.resume()
        reader?.resume(with: result.map { nil })
    }

    private func next() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            let start = state.withLock { state in
                state.isAsked = true
                return state.start.take()
            }
            start?.resume(returning: true)
            let (answer, writer) = state.withLock { state -> (Result<ByteBuffer?, any Error>?, CheckedContinuation<Void, Never>?) in
                if let part = state.part.take() { return (.success(part), state.writer.take()) }
                if let end = state.end { return (end.map { nil }, nil) }
                state.reader = continuation
                return (nil, nil)
            }
            writer?.resume()
            if let answer { continuation.resume(with: answer) }
        }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let relay: BodyRelay

        mutating func next() async throws -> ByteBuffer? { try await relay.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(relay: self) }
}
