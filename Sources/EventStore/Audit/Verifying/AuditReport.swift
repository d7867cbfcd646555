/// The result of an audit.
package struct AuditReport: Sendable, Equatable {
    /// Events that were read and fit.
    package var events: Int64 = 0
    /// The largest tree that a good checkpoint covers.
    package var covered: Int64 = 0
    /// Checkpoints whose signature and root fit.
    package var checkpoints: Int64 = 0
    /// Stored tiles that fit.
    package var tiles: Int64 = 0
    /// The first thing that does not fit; nil when all does.
    package var difference: AuditDifference?

    package init() {}
}

/// A place where the log, the tree and the checkpoints contradict each other.
package struct AuditDifference: Error, Sendable, Equatable, CustomStringConvertible {
    /// The first position that does not fit; nil where no position is to blame.
    package let position: Int64?
    package let what: String

    package init(at position: Int64?, _ what: String) {
        self.position = position
        self.what = what
    }

    package var description: String { position.map { "position \($0): \(what)" } ?? what }
}
