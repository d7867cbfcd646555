package import EventSourcing
import PublishingAPI

/// The settings of the auth service. The defaults are those of the HTTP contract.
package struct AuthSettings: Sendable {
    /// How long an access token is good for.
    package var accessTokenLifetime = Duration.seconds(15 * 60)
    /// How long a refresh token waits to be used.
    package var refreshTokenLifetime = Duration.seconds(30 * 24 * 60 * 60)
    /// How long a refresh token may be used again after its first use: an answer may be lost, and two tabs may refresh at once.
    package var refreshGrace = Duration.seconds(10)
    /// How long a session lives at most, however often it is refreshed.
    package var sessionLifetime = Duration.seconds(90 * 24 * 60 * 60)
    /// The longest life of a token made by the operator; a retired key stays published for as long.
    package var operatorTokenLifetime = Duration.seconds(24 * 60 * 60)
    /// The services that access tokens are good for.
    package var audience = ServiceName.allCases.map(\.rawValue)
    /// How long a registration may stay unknown to the log before it is undone. Longer than any request lives.
    package var registrationPatience = Duration.seconds(10 * 60)
    /// How often unfinished registrations, keys and expired sessions are looked after.
    package var maintenanceInterval = Duration.seconds(60)
    /// How often closures of others are looked for: those that an operator has begun, or that a process has left.
    package var closureInterval = Duration.seconds(5)
    /// How long a new signing key is published before it signs: longer than services and caches keep the old set (5 minutes).
    package var keyOverlap = Duration.seconds(10 * 60)
    /// How far the accounts may be behind the log before the revocation feed says that it does not know.
    package var followerPatience = Duration.seconds(5)
    /// The delays after wrong passwords for one account.
    package var accountBackoff = Backoff(free: 5)
    /// The delays after wrong passwords from one address. Many people may share an address, and they forget their passwords all the time.
    package var addressBackoff = Backoff(free: 20, forgiveness: .seconds(45))
    /// How many accounts, and as many addresses, are remembered for failures.
    package var throttleCapacity = 65_536
    /// The clock.
    package var now: @Sendable () -> Timestamp = { .now }
    /// A clock that nobody sets, for pauses.
    package var uptime: @Sendable () -> ContinuousClock.Instant = { .now }

    /// The defaults.
    package init() {}
}
