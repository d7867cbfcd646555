import Crypto
import FoundationEssentials

/// Writes a part of the log out, once, from its beginning to its end.
///
/// The next page is read while this one is written, so the database and this process work side by side; no more than these two are in memory.
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

    /// Exports what the filter wants of the log as it is now. What `write` or `encoder` throws ends it.
    ///
    /// - Parameters:
    ///   - write: takes the text, piece by piece, in order.
    ///   - onProgress: called after each page.
    package func run(
        _ filter: TrailFilter, as encoder: some ExportEncoder, to write: ([UInt8]) async throws -> Void, onProgress: (Progress) -> Void = { _ in }
    ) async throws -> ExportSummary {
        let part = try await trail.part(filter)
        var (encoder, sum) = (encoder, ExportSum())
        var page = try await trail.page(of: part, after: part.after, limits: limits)
        while true {
            guard let next = page.next else { break }
            async let following = trail.page(of: part, after: next, limits: limits)
            try await put(page, of: part, &encoder, &sum, write, onProgress)
            page = try await following
        }
        try await put(page, of: part, &encoder, &sum, write, onProgress)
        try await sum.write(try await encoder.finish(), write)
        return sum.summary(of: part)
    }

    private func put(
        _ page: TrailPage, of part: TrailPart, _ encoder: inout some ExportEncoder, _ sum: inout ExportSum, _ write: ([UInt8]) async throws -> Void,
        _ onProgress: (Progress) -> Void
    ) async throws {
        try Task.checkCancellation()
        try await sum.write(try await encoder.encode(page), write)
        sum.events += Int64(page.count)
        onProgress(Progress(completed: page.through - part.after, total: part.until - part.after))
    }
}

/// What an export was, in the end.
package struct ExportSummary: Sendable, Equatable {
    package let events: Int64
    package let bytes: Int64
    /// SHA-256 of all that was written, in hexadecimal: what `sha256sum` says of the file.
    package let sha256: String
    /// The first and the last position that the export is about; nil when there is none between its ends.
    package let positions: ClosedRange<Int64>?
}

/// Counts and hashes what is written.
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
