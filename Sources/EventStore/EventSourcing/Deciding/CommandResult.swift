/// The result of a command that went through.
package struct CommandResult<Rules: StreamRules>: Sendable {
    package let stream: StreamName
    package let state: Rules.State
    /// The stream's version after the command.
    package let version: Int
    /// The position of the command's last event, or of the stream's last event when the command changed nothing.
    package let position: Int64
    package let createdAt: Timestamp?
    package let updatedAt: Timestamp?
    /// Whether this is the first answer of a command, given again.
    package let isReplay: Bool

    init(stream: StreamName, after folded: FoldedStream<Rules>, position: Int64? = nil, isReplay: Bool = false) {
        self.stream = stream
        state = folded.state
        version = folded.version
        self.position = position ?? folded.position
        createdAt = folded.createdAt
        updatedAt = folded.updatedAt
        self.isReplay = isReplay
    }
}
