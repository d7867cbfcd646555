import Foundation
import Glibc
package import Postgres
import PrivatePostgres

/// Three machines with an etcd, a Patroni and a PostgreSQL each, and HAProxy before them, by the files of `deploy/patroni`. Nothing runs as root.
/// All of it is gone after the test, and with the test process however that ends.
package final class PatroniCluster: Sendable {
    /// The network between the machines.
    package enum Network: Sendable {
        /// Loopback: each server has a port of its own.
        case loopback
        /// A network namespace for each machine, with the addresses and ports of the files. Clients come in by sockets, so that none of them is cut
        /// off from a machine that the others don't see.
        case namespaces
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let machines: [PatroniMachine]
    private let folder: String
    private let proxy: PatroniProxy?

    /// A shell waits for the lock on the folder, which the kernel frees when its holder is gone.
    private static let watchdog = #"""
        flock "$1/lock" true
        for turn in 1 2 3; do
            for process in /proc/[0-9]*; do
                case "$(readlink "$process/cwd")/" in "$1"/*) kill -KILL "${process#/proc/}" 2>/dev/null ;; esac
            done
            sleep 0.2
        done
        rm -rf "$1"
        """#

    /// Runs `body` on a cluster with a primary and two standbys.
    package static func with(_ network: Network = .loopback, _ body: (PatroniCluster) async throws -> Void) async throws {
        var template = Array("/tmp/annals-patroni-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no folder in /tmp") }
        let folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        chmod(folder, 0o755)
        let lock = open("\(folder)/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX) == 0 else { throw Failure(description: "no lock in \(folder)") }
        defer { close(lock) }
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        _ = try Command(["/bin/sh", "-c", watchdog, "watchdog", folder]).start(output: null)
        let cluster = try PatroniCluster(in: folder, network)
        do {
            try await cluster.start()
            try await body(cluster)
        } catch {
            try await ProcessFamily(in: folder).kill()
            for machine in cluster.machines { machine.reap() }
            throw error
        }
        try await ProcessFamily(in: folder).kill()
        for machine in cluster.machines { machine.reap() }
    }

    private init(in folder: String, _ network: Network) throws {
        self.folder = folder
        let account = try PatroniAccount()
        let switchboard = network == .namespaces ? try NetworkSwitch(in: folder) : nil
        let firstPort = try ChildServer.freePort(inARow: 14)
        machines = try (1...3).map { number in
            try PatroniMachine(number, in: folder, account: account, firstPort: firstPort, network: switchboard)
        }
        proxy = network == .loopback ? try PatroniProxy(in: folder, account: account, ports: firstPort + 12, machines: machines) : nil
    }

    private func start() async throws {
        for machine in machines { try machine.startEtcd() }
        for machine in machines { try machine.startPatroni() }
        try proxy?.start()
        try await settles()
        try await onPrimary("CREATE ROLE annals LOGIN CREATEROLE PASSWORD '\(PatroniMachine.password)'")
    }

    /// Returns when there are a primary, a standby that its commits wait for and that may take over, and one more.
    package func settles() async throws {
        do {
            try await eventually(every: .milliseconds(200)) {
                guard let primary = await primary(), try await primary.roles() == ["leader", "replica", "sync_standby"] else { return false }
                return (try? await primary.value("SELECT count(*) || ' ' || count(*) FILTER (WHERE sync_state = 'sync') FROM pg_stat_replication"))
                    == "2 1"
            }
        } catch is WaitedInVain {
            throw Failure(description: "the cluster does not settle:\n" + machines.map(\.said).joined(separator: "\n"))
        }
    }

    /// The machine whose PostgreSQL takes writes now; nil while none does.
    package func primary() async -> PatroniMachine? {
        for machine in machines where !machine.isStopped {
            if (try? await machine.value("SELECT pg_is_in_recovery()::text")) == "false" { return machine }
        }
        return nil
    }

    /// The standby that commits wait for; nil while there is none.
    package func confirmingStandby() async -> PatroniMachine? {
        guard let primary = await primary() else { return nil }
        let name = try? await primary.value("SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'")
        return machines.first { name == "db\($0.number)" }
    }

    /// A database by all machines' addresses, as its owner.
    package func url(_ database: String, kind: String = "read-write") -> String {
        let (hosts, ports) = (machines.map(\.host).joined(separator: ","), machines.map { "\($0.port)" }.joined(separator: ","))
        return "postgres:///\(database)?host=\(hosts)&port=\(ports)&user=annals&password=\(PatroniMachine.password)&target_session_attrs=\(kind)"
    }

    /// A database of the primary, through HAProxy.
    package func proxiedURL(_ database: String) throws -> String {
        guard let proxy else { throw Failure(description: "no proxy reaches into namespaces") }
        return "postgres://annals:\(PatroniMachine.password)@127.0.0.1:\(proxy.port)/\(database)"
    }

    /// Makes a database of an owner who is no superuser. Returns when all machines have it: a list of hosts leads no further than to one that has
    /// not.
    package func makeDatabase(_ name: String) async throws {
        try await onPrimary("CREATE DATABASE \(name) OWNER annals TEMPLATE template0 ENCODING 'UTF8'")
        for machine in machines {
            try await eventually(every: .milliseconds(100)) { (try? await machine.value("SELECT 'there'", in: name)) != nil }
        }
    }

    private func onPrimary(_ sql: String) async throws {
        guard let primary = await primary() else { throw Failure(description: "there is no primary") }
        try await primary.execute(sql)
    }
}
