import Crypto
import FoundationEssentials

/// Writes a part of the log out, once, from its beginning to its end.
package struct TrailExport: Sendable {
    /// How far it has come.
    package struct Progress: Sendable {
        /// Positions behind it.
        package let completed: Int64
        /// Positions of the part.
        package let total: Int64
    }

    private let trail: AuditTrail
    private let limits: AuditTrail.Limits

    package init(_ trail: AuditTrail, limits: AuditTrail.Limits = AuditTrail.Limits()) {
        self.trail = trail
        self.limits = limits
    }

    /// Exports the events that the filter wants of the log as it is now. An error of `write` or `encoder` ends it.
    ///
    /// - Parameters:
    ///   - write: takes the text, piece by piece, in order.
    ///   - onProgress: called after each page.
    package func run(
        _ filter: TrailFilter, as encoder: some ExportEncoder, to write: ([UInt8]) async throws -> Void, onProgress: (Progress) -> Void = { _ in }
    ) async throws -> ExportSummary {
        let part = try await trail.part(filter)
        var (encoder, sum) = (encoder, ExportSum())
        try await trail.pages(of: part, limits: limits) { page in
            try Task.checkCancellation()
            try await sum.write(try await encoder.encode(page), write)
            sum.events += Int64(page.count)
            onProgress(Progress(completed: page.through - part.after, total: part.until - part.after))
        }
        try await sum.write(try await encoder.finish(), write)
        return sum.summary(of: part)
    }
}

/// A finished export.
package struct ExportSummary: Sendable, Equatable {
    package let events: Int64
    package let bytes: Int64
    /// SHA-256 of the text, in hexadecimal, as `sha256sum` prints it of the file.
    package let sha256: String
    /// The first and the last position that the export is about; nil when there is none between its ends.
    package let positions: ClosedRange<Int64>?
}

/// Counts and hashes the text that is written.
private struct ExportSum {
    var events: Int64 = 0
    private var bytes: Int64 = 0
    private var hash = SHA256()

    mutating func write(_ text: [UInt8], _ write: ([UInt8]) async throws -> Void) async throws {
        if text.isEmpty { return }
        text.withUnsafeBytes { hash.update(bufferPointer: $0) }
        bytes += Int64(text.count)
        try await write(text)
    }

    func summary(of part: TrailPart) -> ExportSummary {
        ExportSummary(
            events: events, bytes: bytes, sha256: Array(hash.finalize()).hexadecimal,
            positions: part.after < part.until ? part.after + 1...part.until : nil)
    }
}
