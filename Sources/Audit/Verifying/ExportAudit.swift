import Crypto
import EventSourcing
import FoundationEssentials
import Glibc

/// Checks an export with proofs from its file alone: no database, no log, one line in memory.
package struct ExportAudit: Sendable {
    /// What the file is.
    package struct Report: Sendable, Equatable {
        package var events: Int64 = 0
        /// The positions of the first and the last event; nil without events.
        package var positions: ClosedRange<Int64>?
        /// Whether no position between them is left out.
        package var isContiguous = true
        /// What the file's checkpoint covers.
        package var size: Int64 = 0
        /// The first thing that does not fit; nil when all does.
        package var difference: AuditDifference?

        package init() {}
    }

    private let keys: [NoteVerifier]
    private let witnessed: SignedCheckpoint?

    /// - Parameters:
    ///   - keys: whose checkpoint the file's must be.
    ///   - witnessed: a checkpoint that the auditor has from elsewhere; the file must be proven against this very tree.
    package init(keys: [NoteVerifier], witnessed: SignedCheckpoint? = nil) {
        self.keys = keys
        self.witnessed = witnessed
    }

    /// Reads the file to its first difference. Blocks. Throws `AuditFileError` when it can't be read.
    package func run(_ path: String, progress: (Int64) -> Void = { _ in }) throws -> Report {
        guard let file = fopen(path, "r") else { throw AuditFileError.unusable(path, String(cString: strerror(errno))) }
        defer { fclose(file) }
        var lines = LineReader(file)
        var pass = ExportPass()
        do {
            guard let header = lines.next() else { throw AuditDifference(at: nil, "the file is empty") }
            let checkpoint = try accept(header)
            pass.begin(header, checkpoint.checkpoint)
            while let line = lines.next() {
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

    private func accept(_ header: [UInt8]) throws(AuditDifference) -> SignedCheckpoint {
        guard let json = header.json, json["format"]?.text == ProofLines.format,
            let checkpoint = json["checkpoint"]?.text.flatMap(SignedCheckpoint.init)
        else { throw AuditDifference(at: nil, "the first line is not that of an export with proofs") }
        guard keys.contains(where: { checkpoint.isSigned(by: $0) }) else {
            throw AuditDifference(at: nil, "the file's checkpoint is not signed by \(keys.map(\.name).joined(separator: " or "))")
        }
        if let witnessed, witnessed.checkpoint != checkpoint.checkpoint {
            let what = witnessed.checkpoint.size == checkpoint.checkpoint.size ? "has another root than" : "is of another size than"
            throw AuditDifference(at: nil, "the file's checkpoint of \(checkpoint.checkpoint.size) \(what) the one it is held against")
        }
        return checkpoint
    }
}

/// One walk through the lines of an export.
private struct ExportPass {
    private static let prefix = Array("{\"event\":".utf8)
    private static let middle = Array(",\"leafIndex\":".utf8)

    private var digest = SHA256()
    private var checkpoint = Checkpoint(origin: "", size: 0, root: .ofNothing)
    private var isEnded = false
    var report = ExportAudit.Report()

    mutating func begin(_ header: [UInt8], _ checkpoint: Checkpoint) {
        digest.update(data: header)
        self.checkpoint = checkpoint
        report.size = checkpoint.size
    }

    mutating func take(_ line: [UInt8]) throws {
        guard !isEnded else { throw AuditDifference(at: nil, "there are lines behind the last one") }
        guard line.starts(with: Self.prefix) else { return try takeTrailer(line) }
        let next = (report.positions?.upperBound ?? 0) + 1
        guard let split = line.lastRange(of: Self.middle), let tail = (Array("{".utf8) + line[(split + 1)...]).json,
            let index = tail["leafIndex"]?.int,
            let proof = tail["proof"]?.hashes
        else { throw AuditDifference(at: next, "line \(report.events + 2) is not one of an export with proofs") }
        let event = Array(line[Self.prefix.count..<split])
        let position = index + 1
        guard event.json?["position"]?.int == position else {
            throw AuditDifference(at: position, "the event says another position than its proof")
        }
        guard InclusionProof(proof).proves(leaf: .leaf(MerkleHash.sha256(event)), at: index, size: checkpoint.size, root: checkpoint.root) else {
            throw AuditDifference(at: position, "the event is not the one that the checkpoint of \(checkpoint.size) covers")
        }
        guard position >= next else { throw AuditDifference(at: position, "the event is not in order") }
        if report.positions != nil, position != next { report.isContiguous = false }
        report.positions = (report.positions?.lowerBound ?? position)...position
        report.events += 1
        digest.update(data: line)
    }

    private mutating func takeTrailer(_ line: [UInt8]) throws {
        guard let json = line.json, let events = json["events"]?.int, let sha256 = json["sha256"]?.text else {
            throw AuditDifference(at: nil, "line \(report.events + 2) is not one of an export with proofs")
        }
        guard events == report.events else { throw AuditDifference(at: nil, "the file has \(report.events) events and says that it has \(events)") }
        guard Array(digest.finalize()).hexadecimal == sha256 else { throw AuditDifference(at: nil, "the file's digest is another than it says") }
        isEnded = true
    }

    func end() throws {
        guard isEnded else { throw AuditDifference(at: nil, "the file was cut off: its last line, with count and digest, is missing") }
    }
}

/// The lines of a file, each with its end.
private struct LineReader {
    private let file: UnsafeMutablePointer<FILE>

    init(_ file: UnsafeMutablePointer<FILE>) { self.file = file }

    mutating func next() -> [UInt8]? {
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        let count = getline(&line, &capacity, file)
        guard count > 0, let line else { return nil }
        return Array(UnsafeRawBufferPointer(start: line, count: count))
    }
}

extension [UInt8] {
    fileprivate var json: JSON? { try? withUnsafeBytes { try JSON.parse($0) } }

    /// Where the pattern begins for the last time.
    fileprivate func lastRange(of pattern: [UInt8]) -> Int? {
        guard count >= pattern.count else { return nil }
        return (0...(count - pattern.count)).last { self[$0] == pattern[0] && self[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}

extension JSON {
    /// An array of hashes in base64.
    fileprivate var hashes: [MerkleHash]? {
        guard case .array(let elements) = self else { return nil }
        let hashes = elements.compactMap { $0.text.flatMap { Data(base64Encoded: $0) }.flatMap { MerkleHash($0) } }
        return hashes.count == elements.count ? hashes : nil
    }
}
