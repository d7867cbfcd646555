import Gateway
import Upstreams

/// The handling of calls to services that are slow, gone, or have too much to do. docs/gateway.md explains it.
extension Settings {
    mutating func readUpstreams(_ read: SettingReader) throws {
        try readCalls(read)
        try readBreakers(read)
        try readShedding(read)
    }

    private mutating func readCalls(_ read: SettingReader) throws {
        let time = SettingForm.duration(.milliseconds(10)...(.seconds(3600)))
        try read(
            &upstreams.connectTimeout, "upstreamConnectTimeout", time, for: .callers, "How long a connection to an instance of a service may take.")
        try read(
            &upstreams.attemptTimeout, "upstreamAttemptTimeout", time, for: .callers,
            "How long one attempt may take at a call that may be made again.")
        try read(
            &upstreams.longestSilence, "upstreamSilence", time, for: .callers,
            "An instance that sends nothing for so long in the midst of an answer is given up.")
        try read(
            &upstreams.idleTimeout, "upstreamIdleTimeout", time, for: .callers,
            "An unused connection to an instance is closed after this; shorter than `ANNALS_IDLE_TIMEOUT`.")
        try read(
            &upstreams.connections, "upstreamConnections", .number(1...100_000), for: .callers,
            "The most unused connections to one instance that are kept.")
        try read(
            &upstreams.retries.attempts, "upstreamAttempts", .number(1...10), for: .callers, "Attempts at one call, the first included.")
        try read(
            &upstreams.retries.percentage, "upstreamRetries", .number(0...100), for: .callers,
            "How many calls of ten seconds may be made again, in percent; three always may.")
        try read(
            &upstreams.hedgeAfter, "upstreamHedge", .offOr(time), for: .gateway,
            "A public read that has no answer after this is asked of a second instance, too, within the same share. The first answer counts.")
    }

    private mutating func readBreakers(_ read: SettingReader) throws {
        let time = SettingForm.duration(.milliseconds(10)...(.seconds(3600)))
        try read(
            &upstreams.breaker.failurePercentage, "upstreamBreakerFailures", .number(1...100), for: .callers,
            "The failures, in percent, at which the breaker of an instance opens.")
        try read(
            &upstreams.breaker.minimumVolume, "upstreamBreakerVolume", .number(1...1_000_000), for: .callers,
            "With fewer calls in the window nothing is concluded.")
        try read(&upstreams.breaker.window, "upstreamBreakerWindow", time, for: .callers, "How far back calls count.")
        try read(&upstreams.breaker.openTime, "upstreamBreakerTime", time, for: .callers, "How long a breaker is open.")
        try read(
            &upstreams.breaker.probes, "upstreamBreakerProbes", .number(1...1000), for: .callers,
            "How many calls then try the instance; all must succeed.")
        try read(
            &upstreams.ejection.failures, "upstreamEjectionFailures", .number(1...1000), for: .callers,
            "After so many failures in a row an instance is passed over.")
        try read(
            &upstreams.ejection.time, "upstreamEjectionTime", time, for: .callers,
            "For how long, unless a check or a call finds it good before.")
        try read(
            &upstreams.checks.interval, "upstreamCheckInterval", time, for: .callers, "How often each instance is asked whether it is ready.")
        try read(
            &upstreams.checks.timeout, "upstreamCheckTimeout", time, for: .callers, "An instance that does not say so in this time is not ready.")
    }

    private mutating func readShedding(_ read: SettingReader) throws {
        let time = SettingForm.duration(.milliseconds(1)...(.seconds(60)))
        try read(
            &gateway.shedding.concurrency, "upstreamConcurrency", .number(2...1_000_000), for: .gateway, "The most calls that a service gets at once."
        )
        gateway.shedding.reads = gateway.shedding.concurrency * 7 / 8
        try read(
            &gateway.shedding.queue, "upstreamQueue", .number(0...1_000_000), for: .gateway,
            "The most calls that wait for that; as many commands and as many reads.")
        try read(
            &gateway.shedding.interval, "upstreamQueueTime", time, for: .gateway,
            "How long a read may wait in a burst; commands four times as long.")
        try read(
            &gateway.shedding.target, "upstreamQueueTarget", time, for: .gateway,
            "How long a read may wait once the queue has not been empty for that time.")
        var bytes = gateway.stale?.bytes
        try read(
            &bytes, "staleAnswers", .offOr(.number(65_536...(1 << 40))), for: .gateway,
            "Bytes of answers to public reads that are kept, and given while their service does not answer.")
        gateway.stale = bytes.map { StaleSettings(bytes: $0) }
    }
}

extension [Setting.Service] {
    /// Those that call other services.
    fileprivate static var callers: Self { [.gateway, .auth, .commands, .queries, .relay] }
}
