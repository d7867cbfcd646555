import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// A page of `docs/` for operators, as its reader goes through it: commands to run, what they print, and what is done to the system between them.
struct OperatorPage {
    enum Step: Equatable {
        /// `bin/up` alone in a block, with settings before it and arguments behind it.
        case start(environment: [String: String], arguments: [String])
        /// Prose that asks for a stop: `(Ctrl-C)`.
        case stop
        /// Prose that says that everything is killed.
        case kill
        case run(String)
        case expect(String)
    }

    let steps: [Step]

    init(_ name: String) throws {
        let page = try String(contentsOfFile: "\(repositoryRoot)/docs/\(name)", encoding: .utf8)
        var steps: [Step] = []
        for (number, part) in page.components(separatedBy: "\n```").enumerated() {
            let text = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
            if number % 2 == 0 {
                if part.contains("(Ctrl-C)") { steps.append(.stop) }
                if part.contains("everything is killed") { steps.append(.kill) }
            } else if part.hasPrefix("sh\n") {
                steps.append(Self.start(text) ?? .run(text))
            } else if part.hasPrefix("text\n") {
                steps.append(.expect(text))
            }
        }
        self.steps = steps
    }

    private static func start(_ text: String) -> Step? {
        guard let parts = text.wholeMatch(of: #/((?:ANNALS_\w+=\S+ )*)bin/up((?: \S+)*)/#)?.output else { return nil }
        let settings = parts.1.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        return .start(
            environment: Dictionary(uniqueKeysWithValues: settings.map { ($0[0], $0[1]) }), arguments: parts.2.split(separator: " ").map(String.init))
    }
}

/// The reader, with a copy of the repository at hand.
final class OperatorPageReader {
    private let root: String
    /// The settings that lead to four new databases elsewhere.
    private let otherDatabases: [String: String]
    private var system: RunningSystem?
    private var exports: [String] = []
    private var output = ""
    private var moment = Timestamp.now
    /// The stream of the first post.
    private var stream = ""
    /// The first of the ports of metrics.
    private let metricsPort: Int
    /// The folder of the newer PostgreSQL, once the page has come to it.
    private var newerPrograms: String?

    init(root: String, otherDatabases: [String: String]) throws {
        metricsPort = try ChildServer.freePort(inARow: 6)
        self.root = root
        self.otherDatabases = otherDatabases
    }

    /// Starts a system that the page does not start.
    func begin() async throws { try await start(["ANNALS_METRICS_PORT": "\(metricsPort)"], []) }

    func read(_ page: OperatorPage) async throws {
        for step in page.steps {
            switch step {
            case .start(let environment, let arguments): try await start(environment, arguments)
            case .stop: _ = await system?.interrupt()
            case .kill: try await system?.killEverything()
            case .run(let commands): try await run(commands)
            case .expect(let text): #expect(shape(of: output) == shape(of: here(text)), "\(output)")
            }
        }
        _ = await system?.interrupt()
        try await proveDatabases()
    }

    private func start(_ environment: [String: String], _ arguments: [String]) async throws {
        if let system, system.isRunning { _ = await system.interrupt() }
        var settings = environment.mapValues { here($0) }
        for (name, value) in settings where value.hasPrefix(".annals/") { settings[name] = "\(root)/\(value)" }
        settings["ANNALS_ROOT"] = root
        if let newerPrograms { settings["PATH"] = "\(newerPrograms):/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" }
        // The port is the test's own.
        let flags = arguments.filter { $0 != "--port" && $0 != "--apart" && Int($0) == nil }
        let isFirst = system == nil
        let running = try await RunningSystem(
            dataDirectory: root + "/.annals", environment: settings, isApart: arguments.contains("--apart") ? true : nil, arguments: flags)
        system = running
        if isFirst {
            let ann = try await Client(base: running.api).signedUp("ann")
            for (title, request) in [("First", "0198a3c4-0000-7000-8000-00000000c0de"), ("Second", "0198a3c4-0000-7000-8000-00000000c0df")] {
                let post = try await ann.call(
                    .POST, "/posts", json: #"{"title":"\#(title)","content":"x","publish":true}"#, headers: ["X-Request-ID": request])
                let id = try #require(post.data["id"]?.text)
                if stream.isEmpty { stream = "post-" + id }
            }
        }
        try await eventually(every: .milliseconds(20)) {
            let ready = try await Client(base: "").call(.GET, "http://127.0.0.1:\(running.port)/ready")
            guard ready.status == 200, let models = ready.json["projections"]?.members?.list else { return false }
            return !models.isEmpty && models.allSatisfy { $0.value["lag"]?.int == 0 && $0.value["status"]?.text == "current" }
        }
    }

    private func run(_ commands: String) async throws {
        let isSwitching = commands.contains("pg_switch_wal")
        var segment = ""
        if isSwitching, let system {
            let post = #"{"title":"After the moment","content":"x"}"#
            moment = Timestamp.now.advanced(by: .milliseconds(1))
            try await eventually { Timestamp.now > moment }
            let login = try await Client(base: system.api).call(
                .POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
            _ = try await Client(base: system.api, token: login.data["accessToken"]?.text).call(.POST, "/posts", json: post)
            segment = try await system.query("pg_walfile_name(pg_current_wal_lsn())", in: "annals_log")
        }
        exports += commands.components(separatedBy: "\n").filter { $0.hasPrefix("export ") }
        let programs = try await commands.contains("/postgresql/18/bin") ? PostgresPrograms.folder(of: 18) : nil
        var text = here(commands)
        if let programs {
            text = text.replacing("/usr/lib/postgresql/18/bin", with: programs)
            newerPrograms = programs
        }
        let path = newerPrograms.map { ["PATH=$PATH:\($0)"] } ?? []
        let script = (["set -e", "cd '\(root)'", "export ANNALS_ROOT='\(root)'"] + path + exports.map(here) + [text]).joined(separator: "\n")
        let (end, said, complaints) = try await ChildProgram.run(
            ["/bin/bash", "-c", script], environment: ProcessInfo.processInfo.environment.merging(try urls(for: commands)) { $1 })
        output = said
        // The doctor may have something to say of the machine.
        #expect(end == .exit(0) || end == .exit(3) && commands.contains("doctor"), "\(commands)\n\(said)\n\(complaints)")
        if isSwitching, let system {
            try await eventually(every: .milliseconds(20)) {
                return try await system.query("(SELECT last_archived_wal >= '\(segment)' FROM pg_stat_archiver)", in: "annals_log") == "true"
            }
        }
    }

    /// Dumps are taken from the system's databases and restored into others.
    private func urls(for commands: String) throws -> [String: String] {
        if commands.contains("pg_restore") { return otherDatabases }
        return commands.contains("pg_dumpall") ? try system?.databaseURLs ?? [:] : [:]
    }

    /// If the page has restored into other databases, they make a system.
    private func proveDatabases() async throws {
        guard exports.contains(where: { $0.contains("BACKUP") }), FileManager.default.fileExists(atPath: root + "/backup/log.dump") else { return }
        let other = try await RunningSystem(dataDirectory: root + "/.annals", environment: otherDatabases.merging(["ANNALS_ROOT": root]) { $1 })
        let login = try await Client(base: other.api).call(
            .POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
        #expect(login.status == 200)
        let read = try await Client(base: other.api).call(.GET, "/posts/by-slug/second", headers: ["Wait-For-Position": "3"])
        #expect(read.status == 200)
        _ = await other.interrupt()
    }

    /// The page's places in this copy.
    private func here(_ text: String) -> String {
        text.replacing("/backup", with: root + "/backup").replacing("/safe/", with: root + "/safe/").replacing("/srv/annals", with: root)
            .replacing("127.0.0.1:3000", with: "127.0.0.1:\(system?.port ?? 0)").replacing("127.0.0.1:9464", with: "127.0.0.1:\(metricsPort)")
            .replacing("2026-03-01T10:00:00Z", with: "\(moment)").replacing("post-0198a3c4-…", with: stream)
    }

    /// Without numbers and times, which differ from run to run.
    private func shape(of text: String) -> String {
        text.replacing(#/\d[\dTZ:.-]*/#, with: "0").replacing(#/0 (\w+?)s?\b/#) { "0 \($0.output.1)" }.trimmingCharacters(in: .newlines)
    }
}
