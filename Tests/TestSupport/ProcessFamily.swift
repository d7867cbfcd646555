import Foundation
import Glibc

/// All processes that work in a folder or below it: a server with whatever it has started, whoever their parents are.
package struct ProcessFamily: Sendable {
    private let folder: String

    package init(in folder: String) { self.folder = folder }

    /// Those that live now. What has ended and waits for its parent is none.
    var members: [pid_t] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }) ?? []
        return processes.filter { process in
            guard let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd") else { return false }
            return place == folder || place.hasPrefix(folder + "/")
        }
    }

    /// kill -9 of all at once. Returns when they are gone.
    package func kill() async throws {
        // None that stands still starts another one.
        try await stop()
        for process in members { Glibc.kill(process, SIGKILL) }
        try await eventually(every: .milliseconds(10)) { members.isEmpty }
    }

    /// Has all stand still, as on a machine that hangs. Returns when they do. Their connections stay.
    package func stop() async throws {
        try await eventually(every: .milliseconds(10)) {
            let moving = members.filter { !isStopped($0) }
            for process in moving { Glibc.kill(process, SIGSTOP) }
            return moving.isEmpty
        }
    }

    /// Has them go on.
    package func resume() { for process in members { Glibc.kill(process, SIGCONT) } }

    /// From `/proc/<pid>/stat`: the state is behind the name in brackets.
    private func isStopped(_ process: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8), let name = stat.lastIndex(of: ")") else {
            return true
        }
        return ["T", "Z", "X"].contains(stat[stat.index(after: name)...].split(separator: " ").first ?? "X")
    }
}
