import Foundation
import Glibc
import PrivatePostgres
import Synchronization

/// A network namespace for each machine of a cluster, joined by a bridge in one more. They have no names: they are gone with their processes.
final class NetworkSwitch: Sendable {
    private let folder: String
    private let bridge: pid_t
    private let machines = Mutex<[Int: pid_t]>([:])

    init(in folder: String) throws {
        self.folder = folder
        bridge = try Self.holder(in: folder)
        try Self.run(bridge, "ip link add br0 type bridge && ip link set br0 up")
    }

    /// Makes the namespace of a machine, which has the address 192.0.2.`number`.
    func add(_ number: Int) throws {
        let machine = try Self.holder(in: folder)
        machines.withLock { $0[number] = machine }
        try Self.run(
            bridge, "ip link add port\(number) type veth peer name eth0 netns \(machine) && ip link set port\(number) master br0 up")
        try Self.run(machine, "ip link set lo up && ip addr add 192.0.2.\(number)/24 dev eth0 && ip link set eth0 up")
    }

    func cut(_ number: Int, _ isCut: Bool) throws { try Self.run(bridge, "ip link set port\(number) \(isCut ? "down" : "up")") }

    /// The beginning of a command that runs on a machine.
    func inside(_ number: Int) -> [String] {
        machines.withLock { $0[number] }.map { ["nsenter", "--target", "\($0)", "--net", "--"] } ?? []
    }

    /// A process that keeps a namespace.
    private static func holder(in folder: String) throws -> pid_t {
        let ready = "\(folder)/namespace-\(UUID())"
        let output = open("\(ready).log", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        defer { close(output) }
        let script = "cd '\(folder)' && : >'\(ready)' && exec sleep infinity"
        let process = try Command(["unshare", "--net", "--", "/bin/sh", "-c", script]).start(output: output)
        while !FileManager.default.fileExists(atPath: ready) {
            guard waitpid(process, nil, WNOHANG) == 0 else {
                let said = (try? String(contentsOfFile: "\(ready).log", encoding: .utf8)) ?? ""
                throw PatroniCluster.Failure(description: "this machine permits no network namespaces, so nothing was tested: \(said)")
            }
            usleep(2000)
        }
        return process
    }

    private static func run(_ namespace: pid_t, _ script: String) throws {
        let said = "/tmp/annals-ip-\(UUID())"
        defer { unlink(said) }
        let output = open(said, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        defer { close(output) }
        let process = try Command(["nsenter", "--target", "\(namespace)", "--net", "--", "/bin/sh", "-c", script]).start(output: output)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw PatroniCluster.Failure(description: "\(script): \((try? String(contentsOfFile: said, encoding: .utf8)) ?? "")")
        }
    }
}
