/// Whose signatures count on the stored checkpoints, which are shown smallest first: those of a retired key until the first one of a key that came after it.
struct KeySuccession {
    private let present: [NoteVerifier]
    /// Those whose time is not over, oldest first.
    private var retired: ArraySlice<NoteVerifier>

    init(_ present: [NoteVerifier], after retired: [NoteVerifier]) {
        self.present = present
        self.retired = retired[...]
    }

    /// Whether the next checkpoint is signed by a key whose turn it can be.
    mutating func accepts(_ checkpoint: SignedCheckpoint) -> Bool {
        if present.contains(where: { checkpoint.isSigned(by: $0) }) {
            retired = []
            return true
        }
        guard let turn = retired.firstIndex(where: { checkpoint.isSigned(by: $0) }) else { return false }
        retired = retired[turn...]
        return true
    }
}
