/// The circumstances of one command: who calls, and what makes it the same command again.
package struct CommandCall: Sendable {
    package var key: CommandReceipt.Key
    /// Whether the caller named the command, so that a repeat of it is possible.
    package var isRepeatable: Bool
    package var metadata: EventMetadata
    /// Looked at after the rules, so that only who may give the command can find out the version by it (RFC 9110 §13.2.1 asks for this order as well).
    package var versions: VersionCondition
    /// Claims that must be held for the command to go through, such as the actor's account being active.
    package var requirements: [ClaimChange]

    package init(
        key: CommandReceipt.Key, isRepeatable: Bool, metadata: EventMetadata, versions: VersionCondition = .any, requirements: [ClaimChange] = []
    ) {
        self.key = key
        self.isRepeatable = isRepeatable
        self.metadata = metadata
        self.versions = versions
        self.requirements = requirements
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
