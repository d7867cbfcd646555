import Foundation
import Glibc
import JSON
package import Postgres
import PrivatePostgres
import Synchronization

/// One machine of a cluster.
package final class PatroniMachine: Sendable {
    static let password = "password-of-postgres"

    package let number: Int
    /// The folder of its socket, or its address.
    let host: String
    let port: Int
    private let folder: String
    private let account: PatroniAccount
    private let network: NetworkSwitch?
    private let firstPort: Int
    private let state = Mutex<(isStopped: Bool, children: [pid_t])>((false, []))

    init(_ number: Int, in folder: String, account: PatroniAccount, firstPort: Int, network: NetworkSwitch?) throws {
        self.number = number
        self.account = account
        self.network = network
        self.firstPort = firstPort
        self.folder = "\(folder)/db\(number)"
        for name in ["", "/etcd", "/patroni", "/socket"] {
            try FileManager.default.createDirectory(atPath: self.folder + name, withIntermediateDirectories: true)
            try account.take(self.folder + name)
        }
        if let network {
            host = "\(self.folder)/socket"
            port = 5432
            try network.add(number)
        } else {
            host = "127.0.0.1"
            port = firstPort + (number - 1) * 4
        }
        try file("etcd.yml").write(toFile: "\(self.folder)/etcd.yml", atomically: true, encoding: .utf8)
        try file("patroni.yml").write(toFile: "\(self.folder)/patroni.yml", atomically: true, encoding: .utf8)
    }

    /// A file of `deploy/patroni` as this machine has it.
    private func file(_ name: String) throws -> String {
        let text = try String(contentsOfFile: "\(repositoryRoot)/deploy/patroni/\(name)", encoding: .utf8)
        let own = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).map { line in
            // A line that names all machines is the same on each.
            line.contains("192.0.2.2") ? line : line.replacing("192.0.2.1", with: "192.0.2.\(number)").replacing("db1", with: "db\(number)")
        }
        return Self.addressed(own.joined(separator: "\n"), firstPort: network == nil ? firstPort : nil)
            .replacing("/var/lib/etcd/annals", with: "\(folder)/etcd/data")
            .replacing("/var/lib/postgresql/15/annals", with: "\(folder)/patroni/data")
            .replacing("/var/lib/postgresql/annals.pgpass", with: "\(folder)/patroni/pgpass")
            .replacing("/run/postgresql", with: "\(folder)/socket")
            .replacing("/usr/lib/postgresql/15/bin", with: try PatroniAccount.programs)
    }

    /// With ports of loopback in place of the machines' addresses, where there is a first port.
    static func addressed(_ text: String, firstPort: Int?) -> String {
        guard let firstPort else { return text }
        func port(_ machine: Substring, _ port: Substring) -> Int {
            firstPort + ((Int(machine) ?? 1) - 1) * 4 + (["5432", "8008", "2379", "2380"].firstIndex(of: String(port)) ?? 0)
        }
        return text.replacing(/192\.0\.2\.(\d):(\d+)/) { "127.0.0.1:\(port($0.1, $0.2))" }
            .replacing(/192\.0\.2\.(\d) port (\d+)/) { "127.0.0.1 port \(port($0.1, $0.2))" }
    }

    func startEtcd() throws { try start(["etcd", "--config-file", "\(folder)/etcd.yml"], in: "etcd") }

    /// As systemd does after the machine's start.
    package func startPatroni() throws { try start([try PatroniAccount.patroni, "\(folder)/patroni.yml"], in: "patroni") }

    private func start(_ command: [String], in part: String) throws {
        let output = open("\(folder)/\(part).log", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw PatroniCluster.Failure(description: "no log in \(folder)") }
        defer { close(output) }
        // The shell gives its place to the program.
        let inFolder = ["/bin/sh", "-c", "cd '\(folder)/\(part)' && exec \"$0\" \"$@\""] + account.command(command)
        let process = try Command((network?.inside(number) ?? []) + inFolder).start(output: output)
        state.withLock { $0.children.append(process) }
    }

    /// kill -9 of its Patroni and its PostgreSQL, all processes at once.
    package func kill() async throws {
        try await ProcessFamily(in: "\(folder)/patroni").kill()
        reap()
    }

    /// Has its Patroni and its PostgreSQL stand still.
    package func stop() async throws {
        state.withLock { $0.isStopped = true }
        try await ProcessFamily(in: "\(folder)/patroni").stop()
    }

    package func resume() {
        ProcessFamily(in: "\(folder)/patroni").resume()
        state.withLock { $0.isStopped = false }
    }

    /// Cuts it off from the others, or joins it to them again.
    package func cut(_ isCut: Bool) throws {
        guard let network else { throw PatroniCluster.Failure(description: "loopback can't be cut") }
        try network.cut(number, isCut)
    }

    var isStopped: Bool { state.withLock(\.isStopped) }

    /// Its PostgreSQL, by no other way.
    package func target(_ database: String) throws -> ConnectionTarget {
        try ConnectionTarget(url: "host=\(host) port=\(port) user=postgres password=\(Self.password) dbname=\(database)")
    }

    /// The roles of all machines as its Patroni knows them, in order; none while they are not of one history. PostgreSQL alone does not know who may
    /// take over, and a former primary streams for a moment before it is taken back to where the others parted from it.
    func roles() async throws -> [String] {
        let address = network == nil ? "127.0.0.1:\(port + 1)" : "192.0.2.\(number):8008"
        let command = ["/usr/bin/env"] + (network?.inside(number) ?? []) + ["curl", "--silent", "--max-time", "5", "http://\(address)/cluster"]
        let members = try? JSONValue.parse(Array(try await ChildProgram.run(command).output.utf8))["members"]
        guard case .array(let members)? = members, Set(members.map { $0["timeline"]?.int }).count == 1 else { return [] }
        return members.compactMap { $0["role"]?.text }.sorted()
    }

    /// A value of text from its PostgreSQL.
    package func value(_ sql: String, in database: String = "postgres") async throws -> String {
        try await withPool(database) { try await $0.query(Statement("value", sql))[0].get(0) }
    }

    func execute(_ sql: String) async throws {
        try await withPool("postgres") { pool in try await pool.withSession { try await $0.execute(script: sql) } }
    }

    private func withPool<Value: Sendable>(_ database: String, _ body: (ConnectionPool) async throws -> Value) async throws -> Value {
        var limits = PoolLimits()
        limits.acquireTimeout = .seconds(2)
        return try await ConnectionPool.withPool(try target(database), limits: limits, logger: TestCluster.logger, body)
    }

    /// Forgets those of its processes that have ended, so that they are no zombies.
    func reap() { state.withLock { state in state.children.removeAll { waitpid($0, nil, WNOHANG) != 0 } } }

    /// The last lines of its programs.
    var said: String {
        ["etcd", "patroni"].map { part in
            let lines = (try? String(contentsOfFile: "\(folder)/\(part).log", encoding: .utf8))?.split(separator: "\n").suffix(15) ?? []
            return "db\(number), \(part):\n" + lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }
}
