import Glibc
import Postgres
import PrivatePostgres
import Synchronization

/// A server program of one test's own, with a folder and a port on loopback. The test may stop, kill and start it. Gone with the test process however
/// that ends.
package final class ChildServer: Sendable {
    package struct Failure: Error { let reason: String }

    package let folder: String
    /// Of TCP and UDP; the same after each start.
    package let port: Int
    private let lock: Int32
    private let process = Mutex<pid_t?>(nil)

    /// A shell waits for the lock on the folder, which the kernel frees when its holder is gone.
    private static let watchdog = #"flock "$1/lock" true; [ -s "$1/pid" ] && kill -KILL "$(cat "$1/pid")" 2>/dev/null; rm -rf "$1""#

    package init(_ name: String) throws {
        var template = Array("/tmp/annals-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(reason: "no folder in /tmp") }
        folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        port = try Self.freePort()
        lock = open("\(folder)/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else { throw Failure(reason: "no lock in \(folder)") }
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        _ = try Command(["/bin/sh", "-c", Self.watchdog, "watchdog", folder]).start(output: null)
    }

    deinit {
        kill()
        // The watchdog removes the folder.
        close(lock)
    }

    /// While it runs.
    package var processIdentifier: Int32? { process.withLock { $0 } }

    /// Starts it, and returns when its output says that it is ready.
    package func start(_ command: [String], readyWhen text: String) async throws {
        let output = open("\(folder)/output", O_CREAT | O_TRUNC | O_RDWR | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw Failure(reason: "no file in \(folder)") }
        defer { close(output) }
        let started = try Command(command).start(output: output)
        process.withLock { $0 = started }
        try write("\(started)", to: "pid")
        try await eventually {
            if said.contains(text) { return true }
            guard waitpid(started, nil, WNOHANG) == 0 else {
                process.withLock { $0 = nil }
                throw Failure(reason: "\(command.joined(separator: " ")) has ended: \(said)")
            }
            return false
        }
    }

    /// Ends it at once, as a crash does.
    package func kill() {
        guard let process = process.withLock({ $0.take() }) else { return }
        _ = Glibc.kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        unlink("\(folder)/pid")
    }

    /// Asks it to end, and waits until it has. Its exit code; nil when a signal has ended it.
    package func stop() async -> Int32? {
        signal(SIGTERM)
        guard let process = process.withLock({ $0.take() }) else { return nil }
        let status = await onOwnThread("child-server") {
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            return status
        }
        unlink("\(folder)/pid")
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
    }

    package func signal(_ signal: Int32) { process.withLock { process in if let process { _ = Glibc.kill(process, signal) } } }

    /// It keeps its connections, and does nothing until `resume`. Returns when the last of its threads stands still.
    package func pause() {
        process.withLock { process in
            guard let process else { return }
            _ = Glibc.kill(process, SIGSTOP)
            var status: Int32 = 0
            while waitpid(process, &status, WUNTRACED) < 0, errno == EINTR {}
        }
    }

    package func resume() { signal(SIGCONT) }

    /// Writes a file of its folder.
    package func write(_ text: String, to name: String) throws {
        guard let file = fopen("\(folder)/\(name).new", "w") else { throw Failure(reason: "no file \(name) in \(folder)") }
        fputs(text, file)
        fclose(file)
        rename("\(folder)/\(name).new", "\(folder)/\(name)")
    }

    /// Its last output, at most 1 MB.
    package var said: String {
        guard let file = fopen("\(folder)/output", "r") else { return "" }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let size = ftell(file)
        var bytes = [UInt8](repeating: 0, count: min(size, 1 << 20))
        fseek(file, size - bytes.count, SEEK_SET)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// The first of some ports of loopback in a row that nobody has at this moment, and that no other test gets: it may be long until they are taken.
    /// The kernel gives none of them to a connection that is made, or to a server that takes any port: those are above 32767.
    package static func freePort(inARow count: Int = 1) throws -> Int {
        for _ in 1...1000 {
            let first = Int.random(in: 10_000..<32_000)
            let ports = first..<first + count
            guard ports.allSatisfy({ isFree($0, Int32(SOCK_STREAM.rawValue)) && isFree($0, Int32(SOCK_DGRAM.rawValue)) }) else { continue }
            let isNew = given.withLock { given in
                guard given.isDisjoint(with: ports) else { return false }
                given.formUnion(ports)
                return true
            }
            if isNew { return first }
        }
        throw Failure(reason: "no free port")
    }

    /// The ports that tests of this process have got.
    private static let given = Mutex<Set<Int>>([])

    private static func isFree(_ port: Int, _ type: Int32) -> Bool {
        let probe = socket(AF_INET, type, 0)
        guard probe >= 0 else { return false }
        defer { close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
    }
}
