/// The limits of one request.
package enum HTTPLimits {
    /// The largest body that a gateway lets in unless it is set otherwise: 1 MiB.
    package static let maximumBodyBytes = 1 << 20
    /// The largest body that any service reads, whatever a gateway lets in: 16 MiB.
    package static let largestBodyBytes = 16 << 20
    /// Longer request ids are replaced by our own.
    package static let maximumRequestIDBytes = 128
    /// A body may break more rules than this; the answer names so many, so that a small request can't ask for a huge answer.
    package static let maximumViolations = 100
    /// Longer names of fields are cut to so many characters where an answer names them.
    package static let maximumNameLength = 100
}
