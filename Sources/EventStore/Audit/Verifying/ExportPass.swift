import Crypto
import FoundationEssentials

/// One walk through the lines of an export with proofs.
struct ExportPass {
    private var digest = SHA256()
    private var checkpoint = Checkpoint(origin: "", size: 0, root: .ofNothing)
    private var isEnded = false
    var report = ExportAudit.Report()

    /// - Parameter checkpoint: what all proofs must be against.
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
