/// The pause before a call is made again: full jitter, so that many callers of one instance don't come back in step.
enum Pause {
    /// Anything up to the first ceiling, which doubles with each repeat and has an end.
    /// - Parameter repeats: counted from 1.
    static func length(before repeats: Int, _ settings: UpstreamSettings.Retries, using random: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(settings.longestPause, settings.pause * (1 << min(repeats - 1, 20)))
        return ceiling * Double.random(in: 0...1, using: &random)
    }
}
