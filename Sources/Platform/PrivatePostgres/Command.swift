import CLinuxIO
import FoundationEssentials
import Glibc

/// A program and its arguments.
package struct Command {
    let arguments: [String]
    /// Where it runs, which must not be the caller's own folder: that may be closed to the account that the program runs as.
    var directory = "/"

    /// `arguments[0]` is looked for in PATH.
    package init(_ arguments: [String]) { self.arguments = arguments }

    /// Starts it with output and errors going to a descriptor. Returns the process id, or an errno as the error.
    package func start(output: Int32) throws(SpawnError) -> Int32 {
        // A fixed environment: PG* variables of the user's must not reach the server.
        let environment = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"]
        var process: pid_t = 0
        let status = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in linux_spawn(&process, self.arguments[0], arguments, environment, directory, -1, output, output)
            }
        }
        guard status == 0 else { throw SpawnError(code: status) }
        return process
    }

    /// Runs it to its end. Returns its output, and whether it succeeded.
    func run() -> (succeeded: Bool, output: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return (false, String(cString: strerror(errno))) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let process: pid_t
        do throws(SpawnError) {
            defer { close(ends[1]) }
            process = try start(output: ends[1])
        } catch {
            close(ends[0])
            return (false, "\(arguments[0]): \(String(cString: strerror(error.code)))")
        }
        let said = readAll(ends[0])
        close(ends[0])
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status == 0, said)
    }

    /// Runs it to its end and passes on each line of its output as it comes. It is stopped when `isAbandoned`. Returns whether it succeeded.
    func run(isAbandoned: () -> Bool, line: (Substring) -> Void) -> Bool {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return false }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let process: pid_t
        do throws(SpawnError) {
            defer { close(ends[1]) }
            process = try start(output: ends[1])
        } catch {
            line("\(arguments[0]): \(String(cString: strerror(error.code)))")
            return false
        }
        var rest = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        var isStopped = false
        while true {
            if !isStopped, isAbandoned() {
                isStopped = true
                // Each command leads a session of its own: with the processes that it has started.
                kill(-process, SIGTERM)
            }
            var poller = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 100) > 0 else { continue }
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            rest += String(decoding: buffer[..<count], as: UTF8.self)
            while let end = rest.firstIndex(where: \.isNewline) {
                line(rest[..<end])
                rest.removeSubrange(...end)
            }
        }
        if !rest.isEmpty { line(rest[...]) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status == 0 && !isStopped
    }

    /// Its output's first line; nil when it failed.
    func output() -> String? {
        let (succeeded, output) = run()
        return succeeded ? String(output.prefix { $0 != "\n" }) : nil
    }

    private func readAll(_ descriptor: Int32) -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
        }
    }
}

/// The errno of a program that couldn't be started.
package struct SpawnError: Error {
    /// As in `errno.h`.
    package let code: Int32
}

private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
