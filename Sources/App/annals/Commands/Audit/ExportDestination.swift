import Audit
import Glibc
import NIOPosix

extension AuditExport {
    /// The output of the export. Everything that blocks runs on threads that may.
    struct Destination: Sendable {
        /// Nil for standard output.
        private let file: ExportFile?

        init(_ path: String?) throws {
            do {
                file = try path.map { path throws(ExportOutputError) in try ExportFile(path: path) }
            } catch {
                throw Failure("\(error)")
            }
        }

        func write(_ text: [UInt8]) async throws {
            try await blocking { file throws(ExportOutputError) in
                if let file { try file.write(text) } else { try writeAll(text, to: STDOUT_FILENO, name: "standard output") }
            }
        }

        /// Gives the file its name and prints a summary, on standard error if standard output has the events.
        func finish(_ summary: ExportSummary) async throws {
            try await blocking { file throws(ExportOutputError) in try file?.publish() }
            if file == nil { printError(summary.line) } else { printLine(summary.line) }
        }

        func abandon() { file?.abandon() }

        private func blocking(_ body: @escaping @Sendable (ExportFile?) throws(ExportOutputError) -> Void) async throws {
            do {
                try await NIOThreadPool.singleton.runIfActive { [file] in try body(file) }
            } catch let error as ExportOutputError {
                throw Failure("the export is not whole: \(error)")
            }
        }
    }
}

extension ExportSummary {
    fileprivate var line: String {
        let range = positions.map { " from positions \($0.lowerBound) to \($0.upperBound)" } ?? ""
        return "\(events) event\(events == 1 ? "" : "s")\(range), \(bytes) bytes, SHA-256 \(sha256)"
    }
}
