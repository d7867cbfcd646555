/// How far a rebuild or a verification has come.
package struct RebuildProgress: Sendable, Hashable {
    package enum Phase: String, Sendable {
        case applying
        case indexing
        case catchingUp = "catching up"
        case comparing
        case swapping
    }

    package let model: String
    package let phase: Phase
    /// Events applied, of so many that the log had when this began.
    package let applied: Int64
    package let total: Int64
}

/// The result of a rebuild.
package struct RebuildReport: Sendable, Hashable {
    package let model: String
    /// The version that is live now.
    package let version: String
    /// The position that it went live at.
    package let position: Int64
    /// Streams that were parked in the new tables.
    package let parkedStreams: Int
}
