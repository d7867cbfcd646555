import FoundationEssentials
import Glibc

/// An export with proofs, line by line (docs/audit.md): the checkpoint first, then each event as it is stored with its proof against that checkpoint, then a count and a digest,
/// without which the file was cut off.
///
/// Each line is canonical JSON, so an event's own canonical form, which its proof is about, is in the file byte for byte.
package struct ProofLines: Sendable {
    static let format = "annals-audit-export/1"

    package let checkpoint: SignedCheckpoint
    private var prover: Prover

    /// - Parameter checkpoint: a published one, to prove against: only events that it covers can be exported.
    package init(_ log: MerkleLog, against checkpoint: SignedCheckpoint) {
        self.checkpoint = checkpoint
        prover = Prover(log, size: checkpoint.checkpoint.size)
    }

    /// Writes the first line.
    package func appendHeader(to json: inout CanonicalJSON) {
        json.append("{\"checkpoint\":")
        var note = checkpoint.note.description
        note.withUTF8 { json.append(string: UnsafeRawBufferPointer($0)) }
        json.append(",\"format\":\"annals-audit-export/1\"}\n")
    }

    /// Writes a line for each of the events; returns their number. They must be covered by the checkpoint.
    package mutating func append(_ events: some StoredEventRows, to json: inout CanonicalJSON) async throws -> Int {
        var leaves: [Int64] = []
        try events.forEach { leaves.append($0.position - 1) }
        try await prover.load(leaves: leaves)
        try events.forEach { event in
            let proof = try prover.loadedInclusion(of: event.position - 1)
            json.append("{\"event\":")
            try json.append(event)
            json.append(",\"leafIndex\":")
            json.append(integer: event.position - 1)
            json.append(",\"proof\":[")
            for (number, hash) in proof.hashes.enumerated() {
                json.append(number == 0 ? "\"" : ",\"")
                json.append(base64: hash)
                json.append(UInt8(ascii: "\""))
            }
            json.append("]}\n")
        }
        return leaves.count
    }

    /// Writes the last line.
    /// - Parameters:
    ///   - events: how many lines lie between this one and the first.
    ///   - sha256: of all bytes before this line.
    package static func appendTrailer(events: Int64, sha256: [UInt8], to json: inout CanonicalJSON) {
        json.append("{\"events\":")
        json.append(integer: events)
        json.append(",\"sha256\":\"")
        for byte in sha256.hexadecimal.utf8 { json.append(byte) }
        json.append("\"}\n")
    }
}

extension CanonicalJSON {
    fileprivate mutating func append(base64 hash: MerkleHash) {
        bytes.append(contentsOf: hash.base64.utf8)
    }
}
