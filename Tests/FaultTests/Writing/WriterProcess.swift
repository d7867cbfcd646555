import AppendLines
import EventSourcing
import Foundation
import Glibc
import Postgres
import Synchronization
import TestSupport
import Testing

/// A `FaultWriter`: a process of its own that appends to the log.
final class WriterProcess: Writer {
    private struct State {
        var waiting: [Int: CheckedContinuation<AppendOutcome, any Error>] = [:]
        var lastNumber = 0
        var hasEnded = false
    }

    private let process = Process()
    private let requests = Pipe()
    private let answers = Pipe()
    private let state = Mutex(State())

    /// Starts it. `name` is what its connections are called.
    init(on log: ConnectionTarget, name: String) throws {
        // Requests may be written to a process that has been killed; that is an error of the write, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("FaultWriter")
        process.arguments = [log.redacted, name]
        process.standardInput = requests
        process.standardOutput = answers
        try process.run()
        Thread.detachNewThread { self.readAnswers() }
    }

    var processID: pid_t { process.processIdentifier }

    func append(_ request: AppendRequest) async throws -> AppendOutcome {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if state.hasEnded { return true }
                    state.lastNumber += 1
                    state.waiting[state.lastNumber] = continuation
                    send(request, state.lastNumber)
                    return false
                }
                if hasEnded { continuation.resume(throwing: WriterEnded()) }
            }
        } onCancel: {
            // A test that is cancelled would wait for an answer that may never come: the end of the process is one.
            if self.process.isRunning { Glibc.kill(self.processID, SIGKILL) }
        }
    }

    /// kill -9. Returns when it is gone and all who wait for its answers know.
    func kill() async {
        Glibc.kill(processID, SIGKILL)
        await end()
    }

    /// Ends its input, as the death of the test would, and waits until it is gone. It is killed when the test is cancelled, or when it does not end.
    func end() async {
        try? requests.fileHandleForWriting.close()
        do {
            try await eventually { !process.isRunning }
        } catch {
            Glibc.kill(processID, SIGKILL)
        }
    }

    /// A write that fails has met a process that is about to be found ended: the reader tells who waits.
    private func send(_ request: AppendRequest, _ number: Int) {
        guard let line = try? RequestLine(number: number, request: request).text() else { return }
        try? requests.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Until the process ends. A line that a kill has cut short is no answer.
    private func readAnswers() {
        var unread = Data()
        while case let chunk = answers.fileHandleForReading.availableData, !chunk.isEmpty {
            unread += chunk
            while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                take(String(decoding: unread[..<end], as: UTF8.self))
                unread = Data(unread[unread.index(after: end)...])
            }
        }
        let left = state.withLock { state in
            state.hasEnded = true
            return state.waiting.removeAll()
        }
        for waiter in left { waiter.resume(throwing: WriterEnded()) }
    }

    private func take(_ line: String) {
        do {
            let line = try AnswerLine(line)
            let waiter = state.withLock { $0.waiting.removeValue(forKey: line.number) }
            switch line.answer {
            case .outcome(let outcome): waiter?.resume(returning: outcome)
            case .unavailable(let reason): waiter?.resume(throwing: EventStoreError.unavailable(reason: reason))
            case .failed(let reason): waiter?.resume(throwing: EventStoreError.broken(reason: reason))
            }
        } catch {
            Issue.record("the writer said: \(line)")
        }
    }
}

extension Dictionary {
    fileprivate mutating func removeAll() -> [Value] {
        defer { self = [:] }
        return Array(values)
    }
}
