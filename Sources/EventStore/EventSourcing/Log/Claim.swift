/// A kind of unique value: an email, a username, a slug; and `active`, which an open account holds.
package struct ClaimKind: RawRepresentable, Sendable, Hashable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}

/// A change to the unique claims, decided in the same transaction as the events it comes with.
package enum ClaimChange: Sendable, Hashable {
    /// The first stream of the request takes the value, giving up another of this kind that it may hold. Refused when a different stream has it.
    case take(ClaimKind, value: String)
    /// The first stream of the request gives up its value of this kind; no error when it has none.
    case release(ClaimKind)
    /// The named stream must hold a claim of this kind before the request: a rule that spans streams. What the request itself releases still counts,
    /// so that a user may close the account whose being open the closing requires.
    case require(ClaimKind, holder: StreamName)
}
