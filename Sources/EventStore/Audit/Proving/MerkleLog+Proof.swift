extension MerkleLog {
    /// A proof that the event at a position is in the tree of a published checkpoint that covers it. It is tried on the event as the log has it now: throws `Damaged` when they do
    /// not fit, or the event is not there.
    package func proof(of position: Int64, against checkpoint: SignedCheckpoint) async throws -> EventProof {
        let size = checkpoint.checkpoint.size
        var prover = Prover(self, size: size)
        let proof = EventProof(index: position - 1, inclusion: try await prover.inclusion(of: position - 1), checkpoint: checkpoint)
        guard let entry = try await entry(at: position) else { throw Damaged(description: "position \(position): the event is missing") }
        guard proof.proves(entry: entry) else {
            throw Damaged(description: "position \(position): the event and the stored tiles do not lead to the root of the checkpoint of \(size)")
        }
        return proof
    }

    /// The SHA-256 of an event's canonical JSON as the log has it; nil when there is none at the position.
    private func entry(at position: Int64) async throws -> MerkleHash? {
        var entry: MerkleHash?
        var json = CanonicalJSON()
        do {
            try await StoredEventScan(pool).chunks(of: position...position) { chunk in
                try chunk.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    entry = .sha256(json.bytes)
                }
            }
        } catch {
            guard let malformed = error as? CanonicalFormError else { throw error }
            throw Damaged(description: "position \(position): the event has no canonical form: \(malformed)")
        }
        return entry
    }
}
