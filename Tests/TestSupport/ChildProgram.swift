import CLinuxIO
import Foundation
import Glibc
import Synchronization

/// A program that a test has started, with what it prints: both streams are read from its start, so that it never waits for a reader. A wait for it
/// ends when the test is cancelled, as its time limit does, and after `longestWait`: the program is killed then, as it is when nobody holds it any
/// more.
package final class ChildProgram: Sendable {
    package struct Failure: Error { package let reason: String }

    /// How a program has ended.
    package enum End: Equatable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Time to install packages, or to compile.
    private static let longestWait: Duration = .seconds(1800)

    package let processIdentifier: Int32
    private let output: PrintedText
    private let errors: PrintedText
    private let reaped = Mutex<End?>(nil)

    /// Starts it in a session of its own.
    /// - Parameters:
    ///   - arguments: the first is its path.
    ///   - environment: nil for the test's own.
    ///   - input: a descriptor to read from; nil for none.
    ///   - errorFile: where its errors go; nil for a stream beside the output.
    ///   - isMerged: whether its errors go into the output.
    package init(
        _ arguments: [String], environment: [String: String]? = nil, directory: String = repositoryRoot, input: Int32? = nil,
        errorFile: String? = nil, isMerged: Bool = false
    ) throws {
        let printed = try ChildPipe()
        let complained = try ChildPipe()
        var errorDescriptor = isMerged ? printed.writing : complained.writing
        if let errorFile {
            errorDescriptor = open(errorFile, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
            guard errorDescriptor >= 0 else { throw Failure(reason: "no file at \(errorFile)") }
        }
        defer { if errorFile != nil { close(errorDescriptor) } }
        let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
        var process: Int32 = 0
        let status = withCStrings(arguments) { words in
            withCStrings(variables) { variables in
                linux_spawn(&process, arguments[0], words, variables, directory, input ?? -1, printed.writing, errorDescriptor)
            }
        }
        printed.closeWriting()
        complained.closeWriting()
        output = PrintedText(readFrom: printed)
        errors = PrintedText(readFrom: complained)
        processIdentifier = process
        guard status == 0 else {
            reaped.withLock { $0 = .exit(127) }
            throw Failure(reason: "\(arguments.joined(separator: " ")): \(String(cString: strerror(status)))")
        }
    }

    deinit { kill() }

    /// Runs it to its end. Throws when the test is cancelled first.
    package static func run(
        _ arguments: [String], environment: [String: String]? = nil, directory: String = repositoryRoot, isMerged: Bool = false
    ) async throws -> (end: End, output: String, errors: String) {
        let program = try ChildProgram(arguments, environment: environment, directory: directory, isMerged: isMerged)
        let output = await program.wholeOutput()
        let errors = await program.wholeErrors()
        await program.waitForExit()
        try Task.checkCancellation()
        return (program.end ?? .signal(SIGKILL), output, errors)
    }

    /// Nil as long as it runs.
    package var end: End? {
        reaped.withLock { reaped in
            guard reaped == nil else { return reaped }
            var status: Int32 = 0
            if waitpid(processIdentifier, &status, WNOHANG) == processIdentifier { reaped = End(status) }
            return reaped
        }
    }

    package var isRunning: Bool { end == nil }

    /// Its exit code, or the number of the signal that has ended it; -1 as long as it runs.
    package var terminationStatus: Int32 {
        switch end {
        case .exit(let code): code
        case .signal(let signal): signal
        case nil: -1
        }
    }

    package func interrupt() { signal(SIGINT) }

    package func terminate() { signal(SIGTERM) }

    package func signal(_ signal: Int32) {
        reaped.withLock { reaped in if reaped == nil { _ = Glibc.kill(processIdentifier, signal) } }
    }

    /// Ends it at once, with the processes that it has started and left in its group.
    package func kill() {
        reaped.withLock { reaped in
            guard reaped == nil else { return }
            _ = Glibc.kill(-processIdentifier, SIGKILL)
            _ = Glibc.kill(processIdentifier, SIGKILL)
            var status: Int32 = 0
            while waitpid(processIdentifier, &status, 0) < 0, errno == EINTR {}
            reaped = End(status)
        }
    }

    /// Returns when it has ended.
    package func waitForExit() async { await wait { !isRunning } }

    /// The next line of its output, waited for; nil when that ends without one, and for an empty line.
    package func nextLine() async -> String? {
        var line: String?
        await wait {
            line = output.takeLine()
            return line != nil || output.isWhole
        }
        line = line ?? output.takeLine() ?? output.takeAll()
        return line.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// All that it prints from here on, to the end of the stream.
    package func wholeOutput() async -> String {
        await wait { output.isWhole }
        return output.takeAll()
    }

    /// All that it has said on the stream of its errors, to the end of that.
    package func wholeErrors() async -> String {
        await wait { errors.isWhole }
        return errors.takeAll()
    }

    private func wait(until isSo: () -> Bool) async {
        let last = ContinuousClock.now + Self.longestWait
        while !isSo() {
            do {
                guard ContinuousClock.now < last else { throw CancellationError() }
                try await Task.sleep(for: .milliseconds(2))
            } catch {
                return kill()
            }
        }
    }
}

extension ChildProgram.End {
    /// Of the form that `waitpid` gives.
    fileprivate init(_ status: Int32) {
        self = status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }
}

/// A pipe whose ends no other program gets.
private final class ChildPipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ChildProgram.Failure(reason: "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit { close(reading) }

    func closeWriting() { close(writing) }
}

/// The text that comes out of a pipe, read on a thread of its own.
private final class PrintedText: Sendable {
    private let state = Mutex<(bytes: [UInt8], isWhole: Bool)>(([], false))

    init(readFrom pipe: ChildPipe) {
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(pipe.reading, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                self.state.withLock { $0.bytes += buffer[..<count] }
            }
            self.state.withLock { $0.isWhole = true }
        }
    }

    /// Whether nothing more will come.
    var isWhole: Bool { state.withLock { $0.isWhole } }

    /// The next line, without its end; nil when there is none yet.
    func takeLine() -> String? {
        state.withLock { state in
            guard let end = state.bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            defer { state.bytes.removeSubrange(...end) }
            return String(decoding: state.bytes[..<end], as: UTF8.self)
        }
    }

    func takeAll() -> String {
        state.withLock { state in
            defer { state.bytes = [] }
            return String(decoding: state.bytes, as: UTF8.self)
        }
    }
}

private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
