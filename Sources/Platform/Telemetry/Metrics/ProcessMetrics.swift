import Glibc
import SystemPackage

extension MetricsRegistry {
    /// Adds what the kernel knows of this process, under the names that Prometheus's own clients use, and the build.
    package func observeProcess(version: String) {
        let start = ProcessStatus.startTime()
        observe("process_cpu_seconds_total", .counter, help: "Processor time, user and system.") {
            ProcessStatus.read().map { [MetricSample($0.cpuSeconds)] } ?? []
        }
        observe("process_resident_memory_bytes", .gauge, help: "Memory in use.") {
            ProcessStatus.read().map { [MetricSample($0.residentBytes)] } ?? []
        }
        observe("process_virtual_memory_bytes", .gauge, help: "Address space in use.") {
            ProcessStatus.read().map { [MetricSample($0.virtualBytes)] } ?? []
        }
        observe("process_threads", .gauge, help: "Threads.") { ProcessStatus.read().map { [MetricSample($0.threads)] } ?? [] }
        observe("process_open_fds", .gauge, help: "Open file descriptors.") { ProcessStatus.openDescriptors().map { [MetricSample($0)] } ?? [] }
        observe("process_max_fds", .gauge, help: "The limit of open file descriptors.") {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return [] }
            return [MetricSample(Double(limit.rlim_cur))]
        }
        observe("process_start_time_seconds", .gauge, help: "The start, in seconds since 1970.") { start.map { [MetricSample($0)] } ?? [] }
        observe("annals_build_info", .gauge, help: "The build that runs; always 1.") { [MetricSample(1, [("version", version)])] }
    }
}

/// Fields of `/proc/self/stat` (proc(5)).
private struct ProcessStatus {
    let cpuSeconds: Double
    let threads: Double
    let virtualBytes: Double
    let residentBytes: Double
    /// In seconds since the machine started.
    let started: Double

    /// Nil where the kernel shows no `/proc`.
    static func read() -> ProcessStatus? {
        // The name in parentheses may hold blanks; the fields after it don't.
        guard let text = contents("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        func number(_ field: Int) -> Double? { fields.indices.contains(field - 3) ? Double(fields[field - 3]) : nil }
        guard let user = number(14), let system = number(15), let threads = number(20), let started = number(22), let virtual = number(23),
            let pages = number(24)
        else { return nil }
        return ProcessStatus(
            cpuSeconds: (user + system) / ticks, threads: threads, virtualBytes: virtual,
            residentBytes: pages * Double(sysconf(Int32(_SC_PAGESIZE))), started: started / ticks)
    }

    static func startTime() -> Double? {
        guard let process = read(), let text = contents("/proc/stat"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst("btime ".count))
        else { return nil }
        return boot + process.started
    }

    static func openDescriptors() -> Double? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0.0
        while readdir(folder) != nil { count += 1 }
        // The folder names itself, its parent, and the descriptor that reads it.
        return count - 3
    }

    private static func contents(_ path: String) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly) else { return nil }
        return try? file.closeAfter {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += chunk[..<count]
            }
        }
    }
}
