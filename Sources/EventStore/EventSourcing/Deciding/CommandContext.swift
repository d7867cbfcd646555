/// The context of one command: caller, idempotency key and expected version.
package struct CommandContext: Sendable {
    package var key: CommandReceipt.Key
    /// Whether the caller named the command, so that a repeat of it is possible.
    package var isRepeatable: Bool
    package var metadata: EventMetadata
    /// Checked after the rules, so that only callers who may give the command learn the version from it (RFC 9110 §13.2.1 asks for this order as
    /// well).
    package var expected: StreamExpectation
    /// Changes to claims beside those of the events, such as that the actor's account must be active.
    package var claims: [ClaimChange]

    package init(
        key: CommandReceipt.Key = .unrepeated(), isRepeatable: Bool = false, metadata: EventMetadata, expected: StreamExpectation = .any,
        claims: [ClaimChange] = []
    ) {
        self.key = key
        self.isRepeatable = isRepeatable
        self.metadata = metadata
        self.expected = expected
        self.claims = claims
    }

    /// A command that the program gives in its own name and never repeats.
    package static func ofTheSystem() -> CommandContext {
        let key = CommandReceipt.Key.unrepeated()
        return CommandContext(key: key, metadata: EventMetadata(command: key.id))
    }
}

/// The state in which a command expects its stream.
package enum StreamExpectation: Sendable, Hashable {
    case any
    /// The stream does not exist yet.
    case new
    /// The stream is at one of these versions. An empty set allows none.
    case oneOf(Set<Int>)

    /// Whether a stream at this version (0: it does not exist) is as expected.
    package func allows(_ version: Int) -> Bool {
        switch self {
        case .any: true
        case .new: version == 0
        case .oneOf(let versions): versions.contains(version)
        }
    }
}

/// Why the log refused a command that the rules allowed.
package enum CommandFailure: Error, Equatable {
    /// The stream is not at the version that the caller named.
    case wrongVersion(actual: Int)
    /// Another stream holds a unique value.
    case claimTaken(ClaimKind)
    /// A required claim is not held.
    case claimMissing(ClaimKind, holder: StreamName)
    /// The same idempotency key came with another request before.
    case keyReused
    /// Ten races in a row were lost.
    case contended
}
