import FoundationEssentials
import Glibc

/// The server's own log, which says why it ended.
struct ServerLog {
    private static let shortages = [
        "No space left on device", "Disk quota exceeded", "Cannot allocate memory", "out of memory", "Too many open files",
        "Resource temporarily unavailable",
    ]

    let path: String

    /// The last lines that concern the server itself. Clients that it turns away while it starts or stops would fill them.
    func tail(lines: Int = 12) -> String {
        let text = String(decoding: end(bytes: 65_536), as: UTF8.self)
        let kept = text.split(separator: "\n").filter { !($0.contains("FATAL:  the database system is ") || $0.contains("STATEMENT:")) }
        if let fullDisk, !kept.contains(where: Self.tellsOfShortage) { return (kept.suffix(lines) + [fullDisk[...]]).joined(separator: "\n") }
        return kept.isEmpty ? "it left no log" : kept.suffix(lines).joined(separator: "\n")
    }

    /// The line that says why: one that tells of a shortage, else the first fatal one, else the last.
    static func cause(in tail: String) -> String {
        let lines = tail.split(separator: "\n")
        let fatal = { (line: Substring) in ["FATAL:", "PANIC:", "initdb: error:"].contains { line.contains($0) } }
        return String(
            lines.first { fatal($0) && tellsOfShortage($0) } ?? lines.first(where: tellsOfShortage) ?? lines.first(where: fatal) ?? lines.last
                ?? "it said nothing")
    }

    /// Whether a line says that the machine lacks something that may come back.
    static func tellsOfShortage(_ line: some StringProtocol) -> Bool { shortages.contains { line.contains($0) } }

    /// On a full disk the log itself may have had no space.
    private var fullDisk: String? {
        var space = statvfs()
        // Of its folder: where there is no space, there may be no log.
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        guard statvfs(folder, &space) == 0, space.f_bavail == 0 else { return nil }
        return "could not write \(path): No space left on device"
    }

    private func end(bytes count: Int) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(descriptor, &bytes, count, max(0, size - count))
        let end = bytes.prefix(max(0, read))
        // The part in front is cut off in the middle of a line.
        return size > count ? Array(end.drop { $0 != UInt8(ascii: "\n") }) : Array(end)
    }
}
