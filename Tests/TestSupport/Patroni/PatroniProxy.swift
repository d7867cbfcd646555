import Foundation
import Glibc
import PrivatePostgres

/// HAProxy before the machines of a cluster.
struct PatroniProxy {
    /// Leads to the primary.
    let port: Int
    private let folder: String
    private let account: PatroniAccount

    init(in folder: String, account: PatroniAccount, ports: Int, machines: [PatroniMachine]) throws {
        port = ports
        self.folder = folder + "/proxy"
        self.account = account
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        try account.take(self.folder)
        let file = try String(contentsOfFile: "\(repositoryRoot)/deploy/patroni/haproxy.cfg", encoding: .utf8)
        try PatroniMachine.addressed(file, firstPort: machines[0].port)
            .replacing("127.0.0.1:5000", with: "127.0.0.1:\(ports)").replacing("127.0.0.1:5001", with: "127.0.0.1:\(ports + 1)")
            .write(toFile: "\(self.folder)/haproxy.cfg", atomically: true, encoding: .utf8)
    }

    func start() throws {
        let output = open("\(folder)/log", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw PatroniCluster.Failure(description: "no log in \(folder)") }
        defer { close(output) }
        let command = account.command(["haproxy", "-db", "-f", "\(folder)/haproxy.cfg"])
        _ = try Command(["/bin/sh", "-c", "cd '\(folder)' && exec \"$0\" \"$@\""] + command).start(output: output)
    }
}
