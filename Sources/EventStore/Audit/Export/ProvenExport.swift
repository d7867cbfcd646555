import EventSourcing
import FoundationEssentials
import JSON

/// The lines of an export with proofs (docs/audit.md), for who writes them and who checks them: one header, a line for each event, one trailer. Each is canonical JSON, so an
/// event's own canonical form, which its proof is about, is in the file byte for byte.
enum ProvenExport {
    /// What comes first: the checkpoint that all proofs are against.
    struct Header: Equatable {
        /// That the checkpoint's tree goes on from the one of an earlier size.
        struct Consistency: Equatable {
            let size: Int64
            let proof: ConsistencyProof
        }

        private static let format: StaticString = "annals-audit-export/1"

        let checkpoint: SignedCheckpoint
        let consistency: Consistency?
    }

    /// An event as it is stored, and that it is in the tree.
    struct Event: Equatable {
        private static let beginning: StaticString = "{\"event\":"
        private static let middle: StaticString = ",\"leafIndex\":"

        /// Its canonical JSON.
        let json: [UInt8]
        /// Its leaf's index: its position less 1.
        let index: Int64
        let proof: InclusionProof
    }

    /// What comes last; without it the file was cut off.
    struct Trailer: Equatable {
        private static let beginning: StaticString = "{\"events\":"

        /// How many lines lie between it and the header.
        let events: Int64
        /// Of all bytes before it, in hexadecimal.
        let sha256: String
    }
}

/// A line that is read only when writing it again gives the same bytes. So it says nothing beside what was checked, whichever of two members of one name another reader takes.
protocol ProvenExportLine {
    /// Takes from a line what `append` writes; nil when something of that is not there. What else there is need not be noticed.
    init?(membersOf line: [UInt8])

    /// Writes the line with its end.
    func append(to json: inout CanonicalJSON)
}

extension ProvenExportLine {
    /// Reads a line with its end; nil for anything that `append` does not write.
    init?(_ line: [UInt8]) {
        self.init(membersOf: line)
        var again = CanonicalJSON()
        append(to: &again)
        guard again.bytes == line else { return nil }
    }
}

extension ProvenExport.Header: ProvenExportLine {
    init?(membersOf line: [UInt8]) {
        guard let json = line.json, json["format"]?.text == Self.format.description,
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

    func append(to json: inout CanonicalJSON) {
        json.append("{\"checkpoint\":")
        var note = checkpoint.note.description
        note.withUTF8 { json.append(string: UnsafeRawBufferPointer($0)) }
        if let consistency {
            json.append(",\"consistency\":{\"proof\":")
            json.append(consistency.proof.hashes)
            json.append(",\"size\":")
            json.append(integer: consistency.size)
            json.append("}")
        }
        json.append(",\"format\":\"")
        json.append(Self.format)
        json.append("\"}\n")
    }
}

extension ProvenExport.Event: ProvenExportLine {
    init?(membersOf line: [UInt8]) {
        // The event is taken as it stands, since the proof is about its bytes. Behind it only numbers and base64 follow, so the last of these words is not the event's.
        guard line.starts(with: Self.beginning.bytes), let split = line.lastIndex(of: Self.middle.bytes),
            let rest = (Array("{".utf8) + line[(split + 1)...]).json, let index = rest["leafIndex"]?.int, let hashes = rest["proof"]?.hashes
        else { return nil }
        json = Array(line[Self.beginning.utf8CodeUnitCount..<split])
        self.index = index
        proof = InclusionProof(hashes)
        guard json.isCanonicalJSON else { return nil }
    }

    func append(to json: inout CanonicalJSON) {
        json.append(Self.beginning)
        json.append(canonical: self.json)
        json.append(Self.middle)
        json.append(integer: index)
        json.append(",\"proof\":")
        json.append(proof.hashes)
        json.append("}\n")
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

    func append(to json: inout CanonicalJSON) {
        json.append(Self.beginning)
        json.append(integer: events)
        json.append(",\"sha256\":\"")
        json.append(canonical: Array(sha256.utf8))
        json.append("\"}\n")
    }
}

extension CanonicalJSON {
    fileprivate mutating func append(canonical text: [UInt8]) { bytes.append(contentsOf: text) }

    /// Writes an array of hashes in base64.
    fileprivate mutating func append(_ hashes: [MerkleHash]) {
        append("[")
        for (number, hash) in hashes.enumerated() {
            append(number == 0 ? "\"" : ",\"")
            append(canonical: Array(hash.base64.utf8))
            append("\"")
        }
        append("]")
    }
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
