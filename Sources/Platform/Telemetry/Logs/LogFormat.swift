/// How lines of the log are written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// For people on a terminal, for programs elsewhere.
    case auto
    /// One JSON object a line.
    case json
    /// A readable line.
    case text
}
