import EventSourcing
import FoundationEssentials
import JSON

/// The lines of an export with proofs (docs/audit.md), for writing and for checking: one header, a line for each event, one trailer. Each is
/// canonical JSON, so an event's own canonical form, which its proof is about, is in the file byte for byte.
enum ProvenExport {
    /// The first line: the checkpoint that all proofs are against.
    struct Header: Equatable {
        /// The proof that the checkpoint's tree goes on from the one of an earlier size.
        struct Consistency: Equatable {
            let size: Int64
            let proof: ConsistencyProof
        }

        private static let format = "annals-audit-export/1"

        let checkpoint: SignedCheckpoint
        let consistency: Consistency?
    }

    /// An event as it is stored, with the proof that it is in the tree.
    struct Event: Equatable {
        private static let beginning: StaticString = "{\"event\":"
        private static let middle: StaticString = ",\"leafIndex\":"

        /// Its canonical JSON.
        let json: [UInt8]
        /// Its leaf's index: its position less 1.
        let index: Int64
        let proof: InclusionProof
    }

    /// The last line; without it the file was cut off.
    struct Trailer: Equatable {
        private static let beginning: StaticString = "{\"events\":"

        /// How many lines lie between it and the header.
        let events: Int64
        /// Of all bytes before it, in hexadecimal.
        let sha256: String
    }
}

/// A line that is read only when writing it again gives the same bytes. So it says nothing that was not checked, whichever of two members of one name
/// another reader takes.
protocol ProvenExportLine {
    /// Takes the members that `append` writes from a line; nil when one is not there. Other members need not be noticed.
    init?(membersOf line: [UInt8])

    /// Writes the line with its end.
    func append(to json: inout JSONWriter)
}

extension ProvenExportLine {
    /// Reads a line with its end; nil for anything that `append` does not write.
    init?(_ line: [UInt8]) {
        self.init(membersOf: line)
        var again = JSONWriter()
        append(to: &again)
        guard again.bytes == line else { return nil }
    }
}

extension ProvenExport.Header: ProvenExportLine {
    init?(membersOf line: [UInt8]) {
        guard let json = line.json, json["format"]?.text == Self.format,
            let checkpoint = json["checkpoint"]?.text.flatMap(SignedCheckpoint.init)
        else { return nil }
        self.checkpoint = checkpoint
        guard let member = json["consistency"] else {
            consistency = nil
            return
        }
        guard let size = member["size"]?.int, let hashes = member["proof"]?.hashes else { return nil }
        consistency = Consistency(size: size, proof: ConsistencyProof(hashes))
    }

    func append(to json: inout JSONWriter) {
        json.literal("{\"checkpoint\":")
        json.string(checkpoint.note.description)
        if let consistency {
            json.literal(",\"consistency\":{\"proof\":")
            json.hashes(consistency.proof.hashes)
            json.literal(",\"size\":")
            json.integer(consistency.size)
            json.literal("}")
        }
        json.literal(",\"format\":")
        json.string(Self.format)
        json.literal("}\n")
    }
}

extension ProvenExport.Event: ProvenExportLine {
    init?(membersOf line: [UInt8]) {
        // The event is taken as it stands, since the proof is about its bytes. Behind it only numbers and base64 follow, so the last "leafIndex" is
        // not the event's.
        guard line.starts(with: Self.beginning.bytes), let split = line.lastIndex(of: Self.middle.bytes),
            let rest = (Array("{".utf8) + line[(split + 1)...]).json, let index = rest["leafIndex"]?.int, let hashes = rest["proof"]?.hashes
        else { return nil }
        json = Array(line[Self.beginning.utf8CodeUnitCount..<split])
        self.index = index
        proof = InclusionProof(hashes)
        guard json.isCanonicalJSON else { return nil }
    }

    func append(to json: inout JSONWriter) {
        json.literal(Self.beginning)
        json.raw(self.json)
        json.literal(Self.middle)
        json.integer(index)
        json.literal(",\"proof\":")
        json.hashes(proof.hashes)
        json.literal("}\n")
    }

    /// The position that the event itself says it has.
    var position: Int64? { json.json?["position"]?.int }
}

extension ProvenExport.Trailer: ProvenExportLine {
    init?(membersOf line: [UInt8]) {
        guard line.starts(with: Self.beginning.bytes), let json = line.json, let events = json["events"]?.int, let sha256 = json["sha256"]?.text
        else { return nil }
        self.init(events: events, sha256: sha256)
    }

    func append(to json: inout JSONWriter) {
        json.literal(Self.beginning)
        json.integer(events)
        json.literal(",\"sha256\":")
        json.string(sha256)
        json.literal("}\n")
    }
}

extension JSONWriter {
    /// Writes an array of hashes in base64.
    fileprivate mutating func hashes(_ hashes: [MerkleHash]) { array { for hash in hashes { $0.string(hash.base64) } } }
}

extension StaticString {
    fileprivate var bytes: [UInt8] { withUTF8Buffer { Array($0) } }
}

extension [UInt8] {
    fileprivate var json: JSONValue? { try? withUnsafeBytes { try JSONValue.parse(in: $0) } }

    fileprivate var isCanonicalJSON: Bool {
        var canonical = CanonicalJSON()
        return (try? withUnsafeBytes { try canonical.append(json: $0) }) != nil && canonical.bytes == self
    }

    /// Where the pattern begins for the last time.
    fileprivate func lastIndex(of pattern: [UInt8]) -> Int? {
        guard count >= pattern.count else { return nil }
        return (0...(count - pattern.count)).last { self[$0] == pattern[0] && self[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}

extension JSONValue {
    /// An array of hashes in base64.
    fileprivate var hashes: [MerkleHash]? {
        guard case .array(let elements) = self else { return nil }
        let hashes = elements.compactMap { $0.text.flatMap { Data(base64Encoded: $0) }.flatMap { MerkleHash($0) } }
        return hashes.count == elements.count ? hashes : nil
    }
}
