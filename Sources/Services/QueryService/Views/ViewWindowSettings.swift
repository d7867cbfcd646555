/// How views are gathered before they go to the log.
package struct ViewWindowSettings: Sendable {
    /// The longest that a view waits for others to go with it.
    package var window = Duration.milliseconds(250)
    /// The most posts whose views are kept while the log can't be reached; then the oldest are dropped.
    package var maximumPosts = 100_000
    /// The most posts that go in one call.
    package var maximumPostsPerCall = 5_000
    /// The pause after the first failure; it doubles with each further one.
    package var firstPause = Duration.milliseconds(100)
    /// The longest pause between two attempts.
    package var longestPause = Duration.seconds(2)

    /// The views of one post that an address without a token may add in `viewerWindow`.
    package var viewsPerViewer = 10
    package var viewerWindow = Duration.seconds(60)
    /// The most pairs of address and post that are remembered; then all are forgotten.
    package var maximumViewers = 100_000

    package init() {}
}
