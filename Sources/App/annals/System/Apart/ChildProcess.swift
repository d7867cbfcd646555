import CLinuxIO
import Glibc
import Postgres
import Synchronization

/// A program as a child; this very program with other arguments, unless another one is named.
///
/// The child's standard input is a pipe that nobody writes to. It ends when this process does, whatever ends it, and so tells the child.
final class ChildProcess: Sendable {
    /// News of a child.
    enum Event: Sendable {
        /// A line on its standard output.
        case line(String)
        /// Its end, in words.
        case ended(String)
    }

    let pid: pid_t
    private let lifeline: Int32
    private let output: Int32
    /// Whether it was reaped: from then on its id may be another process's.
    private let isReaped = Mutex(false)

    /// Starts it. Its errors go where ours go.
    init(_ arguments: [String], environment: [String: String], program: String = "/proc/self/exe") throws {
        let input = try Pipe()
        let output: Pipe
        do {
            output = try Pipe()
        } catch {
            input.close()
            throw error
        }
        var pid: pid_t = 0
        let status = withCStrings(["annals"] + arguments) { arguments in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                linux_spawn(&pid, program, arguments, environment, ".", input.reading, output.writing, STDERR_FILENO)
            }
        }
        close(input.reading)
        close(output.writing)
        lifeline = input.writing
        self.output = output.reading
        self.pid = pid
        guard status == 0 else { throw Failure("a service can't be started: \(String(cString: strerror(status)))") }
    }

    deinit {
        close(lifeline)
        close(output)
    }

    /// Tells what it says until it has ended. Call it once; the child is reaped by it.
    func follow(_ hear: @escaping @Sendable (Event) -> Void) async {
        await onOwnThread("child") { [self] in
            var line: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(output, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { break }
                for byte in buffer[..<count] {
                    if byte != UInt8(ascii: "\n") {
                        line.append(byte)
                        continue
                    }
                    hear(.line(String(decoding: line, as: UTF8.self)))
                    line = []
                }
            }
            hear(.ended(reap()))
        }
    }

    /// Sends a signal, unless it has ended.
    func signal(_ number: Int32) { isReaped.withLock { if !$0 { _ = kill(pid, number) } } }

    /// Blocks until it has ended, at most so long; false when it has not.
    func waitForEnd(_ limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while !isReaped.withLock({ $0 }) {
            if ContinuousClock.now >= deadline { return false }
            usleep(5000)
        }
        return true
    }

    private func reap() -> String {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        var status: Int32 = 0
        isReaped.withLock { isReaped in
            waitpid(pid, &status, 0)
            isReaped = true
        }
        return status & 0x7F == 0 ? "exit code \((status >> 8) & 0xFF)" : "signal \(status & 0x7F)"
    }
}

private struct Pipe {
    let reading, writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure("no pipe can be made: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    func close() {
        Glibc.close(reading)
        Glibc.close(writing)
    }
}

private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}

/// Seconds that a clean stop has. Global, because a thread's function can hold nothing.
private let hardStop = Atomic<UInt32>(4)

/// Stops this process when the one that has started it is gone, as its standard input tells: cleanly, or hard after some seconds.
/// - Parameter drainTimeout: the time for requests under way.
func endWithSupervisor(drainTimeout: Duration) {
    hardStop.store(UInt32(drainTimeout.components.seconds) + 2, ordering: .relaxed)
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { _ in
            var byte: UInt8 = 0
            while read(STDIN_FILENO, &byte, 1) < 0, errno == EINTR {}
            kill(getpid(), SIGTERM)
            sleep(hardStop.load(ordering: .relaxed))
            _exit(1)
        }, nil)
}
