import EventSourcing
import Foundation
import Glibc
import TestSupport

/// `annals up` as a process of its own, on a free port, with its own data folder: the program as its user runs it.
final class RunningSystem: Sendable {
    let port: Int
    let dataDirectory: String
    private let process: ChildProgram

    var api: String { "http://127.0.0.1:\(port)/api/v1" }

    var processIdentifier: pid_t { process.processIdentifier }

    var isRunning: Bool { process.isRunning }

    /// Starts the system and waits for its one line.
    /// - Parameters:
    ///   - isLimited: with its rate limits, as it is run elsewhere; most tests ask for more than one caller may.
    ///   - logFile: where its log goes.
    ///   - descriptors: how many it may have open.
    ///   - arguments: further ones.
    ///   - isApart: with each service as a process of its own. With `ANNALS_TEST_APART=1` all tests run so, but for those on databases of their
    ///     own: `--apart` makes its own.
    init(
        dataDirectory: String, environment: [String: String] = [:], isLimited: Bool = false, logFile: String? = nil, descriptors: Int? = nil,
        isApart: Bool? = nil, arguments: [String] = []
    ) async throws {
        let isApart = isApart ?? (Self.isApartByDefault && environment["ANNALS_LOG_URL"] == nil)
        var settings = Self.patientSettings
        if !isLimited { settings["ANNALS_RATE_LIMIT"] = "off" }
        // Processes that are started one after the other can't have ports that the kernel chooses: another test might get them before.
        if isApart {
            for name in ["AUTH", "COMMANDS", "QUERIES", "PROJECTOR", "RELAY"] { settings["ANNALS_\(name)_PORT"] = try "\(ChildServer.freePort())" }
        }
        let ownPort = try isApart ? ChildServer.freePort() : 0
        let launched = try Launch(
            ["up"] + (isApart ? ["--apart"] : []) + ["--port", "\(ownPort)", "--data-dir", dataDirectory] + arguments,
            environment: settings.merging(environment) { _, new in new }, logFile: logFile, descriptors: descriptors)
        guard let line = await launched.nextLine(), let port = line.split(separator: " ").compactMap({ URL(string: String($0))?.port }).first else {
            throw LaunchFailure(output: await launched.output())
        }
        self.port = port
        self.dataDirectory = dataDirectory
        process = launched.process
    }

    /// A busy machine may take long for what is otherwise done in an instant. Tests of a time set their own.
    static let patientSettings = [
        "ANNALS_DEADLINE": "120s", "ANNALS_UPSTREAM_ATTEMPT_TIMEOUT": "60s", "ANNALS_UPSTREAM_CONNECT_TIMEOUT": "30s", "ANNALS_POOL_WAIT": "20s",
        "ANNALS_CONNECT_TIMEOUT": "60s", "ANNALS_STATEMENT_TIMEOUT": "240s", "ANNALS_ACCESS_TOKEN_LIFETIME": "86400s",
    ]

    /// Whether tests run their system apart.
    static let isApartByDefault = ProcessInfo.processInfo.environment["ANNALS_TEST_APART"] == "1"

    /// Ctrl-C. Returns the exit code.
    func interrupt() async -> Int32 {
        process.interrupt()
        await process.waitForExit()
        return process.terminationStatus
    }

    /// SIGTERM. Returns the exit code.
    func terminate() async -> Int32 {
        process.terminate()
        await process.waitForExit()
        return process.terminationStatus
    }

    /// kill -9 of the process alone.
    func kill() async {
        process.signal(SIGKILL)
        await process.waitForExit()
    }

    /// kill -9 of the process and of its PostgreSQL, all at once.
    func killEverything() async throws {
        let postmaster = try postmaster()
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { parent(of: $0) == postmaster }
        for pid in [process.processIdentifier, postmaster] + children { Glibc.kill(pid, SIGKILL) }
        await process.waitForExit()
    }

    /// kill -9 of its PostgreSQL alone. Returns the process id that was.
    func killDatabase() throws -> pid_t {
        let killed = try postmaster()
        Glibc.kill(killed, SIGKILL)
        return killed
    }

    /// The process id of its PostgreSQL, from the file it keeps that in.
    func postmaster() throws -> pid_t {
        let pidFile = try String(contentsOfFile: dataDirectory + "/postgres/data/postmaster.pid", encoding: .utf8)
        guard let pid = pidFile.split(separator: "\n").first.flatMap({ pid_t($0) }) else { throw LaunchFailure(output: pidFile) }
        return pid
    }

    /// The process of each service that runs apart, by its name.
    func services() throws -> [String: ServiceChild] {
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
            .filter { parent(of: $0) == process.processIdentifier }.compactMap { ServiceChild(pid: $0) }
        return Dictionary(children.map { ($0.name, $0) }) { first, _ in first }
    }

    private func parent(of pid: pid_t) -> pid_t? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let name = stat.lastIndex(of: ")") else { return nil }
        return stat[name...].split(separator: " ").dropFirst(2).first.flatMap { pid_t($0) }
    }
}

/// A process that `annals up --apart` has started.
struct ServiceChild {
    let pid: pid_t
    let name: String
    let environment: [String: String]

    /// Nil for a process that serves nothing.
    init?(pid: pid_t) {
        func words(_ file: String) -> [String] {
            // Nothing for a process that has just ended.
            let bytes = (try? KernelFile.contents("/proc/\(pid)/\(file)")) ?? Data()
            return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        }
        let arguments = words("cmdline")
        guard arguments.count > 2, arguments[1] == "serve" else { return nil }
        self.pid = pid
        name = arguments[2]
        environment = Dictionary(
            words("environ").compactMap { line in
                line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
            }
        ) { $1 }
    }

    var isAlive: Bool { kill(pid, 0) == 0 }

    /// Where it listens.
    var base: String { "http://127.0.0.1:\(environment["ANNALS_\(name.uppercased())_PORT"] ?? environment["ANNALS_PORT"] ?? "")" }
}

struct LaunchFailure: Error {
    let output: String
}

/// One run of the `annals` binary. It is killed when nobody holds it any more.
struct Launch: Sendable {
    let process: ChildProgram

    init(_ arguments: [String], environment: [String: String] = [:], logFile: String? = nil, descriptors: Int? = nil) throws {
        let command = [Self.binary.path] + arguments
        let limited = descriptors.map { ["/bin/sh", "-c", "ulimit -n \($0); exec \"$0\" \"$@\""] } ?? []
        // The tests' own variables are no settings. Many systems run side by side, and one only could have the port of the metrics.
        var defaults = arguments.first == "up" ? ["ANNALS_METRICS_PORT": "off"] : [:]
        // The tests' servers beside a system wait for no disk. The private one must not need this.
        if environment["ANNALS_LOG_URL"] != nil { defaults["ANNALS_DATABASES_MAY_LACK"] = "fsync,full_page_writes" }
        let own = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ANNALS_") }
        process = try ChildProgram(
            limited + command, environment: own.merging(defaults.merging(environment) { $1 }) { $1 }, directory: repositoryRoot, errorFile: logFile)
    }

    /// Runs to its end.
    static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> (code: Int32, output: String) {
        let launch = try Launch(arguments, environment: environment)
        let output = await launch.output()
        await launch.process.waitForExit()
        try Task.checkCancellation()
        return (launch.process.terminationStatus, output)
    }

    /// The next line of standard output, waited for; nil when it ends without one.
    func nextLine() async -> String? { await process.nextLine() }

    /// Everything it prints, to the end of both streams.
    func output() async -> String { await process.wholeOutput() + process.wholeErrors() }

    /// The binary lies beside the test bundle.
    static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("annals")
}
