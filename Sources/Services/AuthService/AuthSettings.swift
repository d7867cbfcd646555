package import EventSourcing
import PublishingAPI

/// The settings of the auth service. The defaults are those of the HTTP contract.
package struct AuthSettings: Sendable {
    /// The lifetime of an access token.
    package var accessTokenLifetime = Duration.seconds(15 * 60)
    /// The time after which an unused refresh token expires.
    package var refreshTokenLifetime = Duration.seconds(30 * 24 * 60 * 60)
    /// The time in which a refresh token may be used again after its first use, since an answer may be lost and two tabs may refresh at once.
    package var refreshGrace = Duration.seconds(10)
    /// The longest life of a session, however often it is refreshed.
    package var sessionLifetime = Duration.seconds(90 * 24 * 60 * 60)
    /// The longest life of an operator's token. A retired key stays published for as long.
    package var operatorTokenLifetime = Duration.seconds(24 * 60 * 60)
    /// The services that accept access tokens.
    package var audience = ServiceName.allCases.map(\.rawValue)
    /// The time after which a registration that the log does not know is undone. It is longer than any request takes.
    package var registrationPatience = Duration.seconds(10 * 60)
    /// The pause between two rounds of maintenance.
    package var maintenanceInterval = Duration.seconds(60)
    /// The time for which a new signing key is published before it signs. It is longer than services and caches keep the old set (5 minutes).
    package var keyOverlap = Duration.seconds(10 * 60)
    /// The time for which the revocation feed waits for the accounts before it answers 503.
    package var followerPatience = Duration.seconds(5)
    /// The delays after wrong passwords for one account.
    package var accountBackoff = ThrottlePolicy(free: 5)
    /// The delays after wrong passwords from one address. Many people may share an address, and people often forget their passwords.
    package var addressBackoff = ThrottlePolicy(free: 20, forgiveness: .seconds(45))
    /// The number of accounts, and of addresses, whose failures are remembered.
    package var throttleCapacity = 65_536
    /// The clock.
    package var now: @Sendable () -> Timestamp = { .now }
    /// A clock that nobody sets, for pauses.
    package var uptime: @Sendable () -> ContinuousClock.Instant = { .now }

    /// The defaults.
    package init() {}
}
