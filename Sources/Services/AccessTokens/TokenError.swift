/// Why an access token is not accepted.
package enum TokenError: Error, Sendable, Equatable {
    /// It is forged, malformed, not yet valid, or of another issuer or audience.
    case invalid
    case expired
    case revoked
    /// The issuer's keys or the list of revocations can't be had, so nobody knows.
    case unavailable(reason: String)
}
