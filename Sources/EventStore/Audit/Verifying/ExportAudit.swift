import Crypto
import FoundationEssentials
import Glibc

/// Checks an export with proofs from its file alone: no database, no log, one line in memory.
package struct ExportAudit: Sendable {
    /// The findings about a file.
    package struct Report: Sendable, Equatable {
        package var events: Int64 = 0
        /// The positions of the first and the last event; nil without events.
        package var positions: ClosedRange<Int64>?
        /// Whether no position between them is left out.
        package var isContiguous = true
        /// How many events the file's checkpoint covers.
        package var size: Int64 = 0
        /// The first thing that does not fit; nil when all does.
        package var difference: AuditDifference?

        package init() {}
    }

    /// The file neither fits the auditor's checkpoint nor contradicts it: it is not about it.
    package struct Incomparable: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private let keys: [NoteVerifier]
    private let witnessed: SignedCheckpoint?

    /// - Parameters:
    ///   - keys: the keys that may have signed the file's checkpoint.
    ///   - witnessed: a checkpoint that the auditor has from elsewhere; the file must be proven to go on from it.
    package init(keys: [NoteVerifier], witnessed: SignedCheckpoint? = nil) {
        self.keys = keys
        self.witnessed = witnessed
    }

    /// Reads the file to its first difference. Blocks. Throws `AuditFileError` when it can't be read, `Incomparable` when it does not tell whether it
    /// goes on from the auditor's checkpoint.
    package func run(_ path: String, progress: (Int64) -> Void = { _ in }) throws -> Report {
        guard let file = fopen(path, "r") else { throw AuditFileError.unusable(path, String(cString: strerror(errno))) }
        defer { fclose(file) }
        var lines = LineReader(file)
        var pass = ExportPass()
        do {
            guard let line = try lines.next() else { throw AuditDifference(at: nil, "the file is empty") }
            let header = try accept(line)
            pass.begin(line, header.checkpoint.checkpoint)
            try confirm(header)
            while let line = try lines.next() {
                try pass.take(line)
                if pass.report.events.isMultiple(of: 1000) { progress(pass.report.events) }
            }
            try pass.end()
        } catch {
            guard let difference = error as? AuditDifference else { throw error }
            pass.report.difference = difference
        }
        guard ferror(file) == 0 else { throw AuditFileError.unusable(path, "it can't be read to its end") }
        return pass.report
    }

    private func accept(_ line: [UInt8]) throws -> ProvenExport.Header {
        guard let header = ProvenExport.Header(line) else {
            let isConverted = line.suffix(2).elementsEqual([UInt8(ascii: "\r"), UInt8(ascii: "\n")])
            let reason = isConverted ? ": its lines end with CR and LF, so something has converted it on its way" : ""
            throw AuditDifference(at: nil, "the first line is not that of an export with proofs\(reason)")
        }
        let checkpoints: [(String, SignedCheckpoint?)] = [
            ("the file's checkpoint", header.checkpoint), ("the checkpoint it is held against", witnessed),
        ]
        for case (let name, let checkpoint?) in checkpoints {
            guard !keys.contains(where: { checkpoint.isSigned(by: $0) }) else { continue }
            throw AuditDifference(at: nil, "\(name) is not signed by \(keys.map(\.name).joined(separator: " or "))")
        }
        return header
    }

    /// The tree that the file is proven against must go on from the auditor's.
    private func confirm(_ header: ProvenExport.Header) throws {
        guard let own = witnessed?.checkpoint else { return }
        let checkpoint = header.checkpoint.checkpoint
        guard own.size <= checkpoint.size else {
            throw Incomparable(description: "the checkpoint it is held against is newer: it covers \(own.size) events, the file's \(checkpoint.size)")
        }
        let isTrivial = own.size == 0 || own.size == checkpoint.size
        guard let proof = isTrivial ? ConsistencyProof([]) : header.consistency.flatMap({ $0.size == own.size ? $0.proof : nil }) else {
            throw Incomparable(
                description:
                    "it does not say whether its checkpoint of \(checkpoint.size) goes on from the one of \(own.size) that it is held against: "
                    + "an export with --proofs --against <that checkpoint> does")
        }
        guard proof.proves(from: own.size, own.root, to: checkpoint.size, checkpoint.root) else {
            let what = own.size == checkpoint.size ? "has another root than" : "does not go on from"
            throw AuditDifference(at: nil, "the file's checkpoint of \(checkpoint.size) \(what) the one of \(own.size) that it is held against")
        }
    }
}

/// One walk through the lines of an export with proofs.
private struct ExportPass {
    private var digest = SHA256()
    private var checkpoint = Checkpoint(origin: "", size: 0, root: .ofNothing)
    private var isEnded = false
    var report = ExportAudit.Report()

    /// - Parameter checkpoint: the one that all proofs must be against.
    mutating func begin(_ header: [UInt8], _ checkpoint: Checkpoint) {
        digest.update(data: header)
        self.checkpoint = checkpoint
        report.size = checkpoint.size
    }

    /// Takes the next line behind the header.
    mutating func take(_ line: [UInt8]) throws(AuditDifference) {
        guard !isEnded else { throw AuditDifference(at: nil, "there are lines behind the last one") }
        if let trailer = ProvenExport.Trailer(line) { return try take(trailer) }
        guard let event = ProvenExport.Event(line) else {
            throw AuditDifference(at: nil, "line \(report.events + 2) is not one of an export with proofs")
        }
        try take(event)
        digest.update(data: line)
    }

    private mutating func take(_ event: ProvenExport.Event) throws(AuditDifference) {
        guard 0..<checkpoint.size ~= event.index else {
            throw AuditDifference(
                at: nil, "line \(report.events + 2) says leaf \(event.index), which the checkpoint of \(checkpoint.size) does not cover")
        }
        let position = event.index + 1
        guard event.position == position else { throw AuditDifference(at: position, "the event says another position than its proof") }
        let leaf = MerkleHash.leaf(.sha256(event.json))
        guard event.proof.proves(leaf: leaf, at: event.index, size: checkpoint.size, root: checkpoint.root) else {
            throw AuditDifference(at: position, "the event is not the one that the checkpoint of \(checkpoint.size) covers")
        }
        if let positions = report.positions {
            guard position > positions.upperBound else { throw AuditDifference(at: position, "the event is not in order") }
            if event.index != positions.upperBound { report.isContiguous = false }
        }
        report.positions = (report.positions?.lowerBound ?? position)...position
        report.events += 1
    }

    private mutating func take(_ trailer: ProvenExport.Trailer) throws(AuditDifference) {
        guard trailer.events == report.events else {
            throw AuditDifference(at: nil, "the file has \(report.events) events and says that it has \(trailer.events)")
        }
        guard Array(digest.finalize()).hexadecimal == trailer.sha256 else {
            throw AuditDifference(at: nil, "the file's digest is another than it says")
        }
        isEnded = true
    }

    /// No line is left.
    func end() throws(AuditDifference) {
        guard isEnded else { throw AuditDifference(at: nil, "the file was cut off: its last line, with count and digest, is missing") }
    }
}
