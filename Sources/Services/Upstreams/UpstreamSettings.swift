/// How a service of other processes is called.
package struct UpstreamSettings: Sendable {
    /// For a connection to an instance.
    package var connectTimeout: Duration = .seconds(1)
    /// For one attempt at a call that may be repeated. Other calls have all the time of their request.
    package var attemptTimeout: Duration = .seconds(5)
    /// A public read that has no answer after this is asked of a second instance, too; nil asks one at a time.
    package var hedgeAfter: Duration?
    /// An instance that sends nothing for so long in the midst of an answer is given up.
    package var longestSilence: Duration = .seconds(60)
    /// An unused connection is closed after this.
    package var idleTimeout: Duration = .seconds(30)
    /// Unused connections to one instance that are kept.
    package var connections = 1024
    /// Bodies up to this size, in bytes, are taken as a whole; larger ones are passed on as they come.
    package var bufferedBytes = 64 << 10
    package var retries = Retries()
    package var breaker = Breaker()
    package var ejection = Ejecting()
    package var checks = Checks()

    /// The values above and below.
    package init() {}

    /// When a call is made again.
    package struct Retries: Sendable {
        /// Attempts at one call, the first included.
        package var attempts = 3
        /// Repeats over the window, in percent of the requests.
        package var percentage = 20
        /// Repeats over the window that are always allowed.
        package var minimum = 3
        package var window: Duration = .seconds(10)
        /// The pause before the first repeat is anything up to this; it doubles with each further one.
        package var pause: Duration = .milliseconds(25)
        package var longestPause: Duration = .seconds(1)
    }

    /// When an instance is called no more for a while.
    package struct Breaker: Sendable {
        /// The share of failed calls, in percent, from which on it opens.
        package var failurePercentage = 50
        /// With fewer calls over the window nothing is concluded.
        package var minimumVolume = 20
        package var window: Duration = .seconds(10)
        /// How long it is open.
        package var openTime: Duration = .seconds(5)
        /// How many calls at once try an instance afterwards, and how many have to succeed.
        package var probes = 3
    }

    /// When an instance is passed over while there are others.
    package struct Ejecting: Sendable {
        /// Failed calls in a row.
        package var failures = 5
        /// For how long, unless a check or a call finds it good before.
        package var time: Duration = .seconds(10)
    }

    /// How instances are asked whether they are ready.
    package struct Checks: Sendable {
        /// Between two checks, give or take a tenth.
        package var interval: Duration = .seconds(1)
        package var timeout: Duration = .seconds(1)
    }
}
