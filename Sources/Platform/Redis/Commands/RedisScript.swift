import Crypto

/// A Lua script that the server runs as one step. Sent by its digest, in full only to a server that does not know it.
package struct RedisScript: Sendable {
    package let source: String
    /// SHA-1 in hex, the name that Redis gives it.
    package let digest: String

    package init(_ source: String) {
        self.source = source
        digest = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
            let hex = String(byte, radix: 16)
            return byte < 16 ? "0" + hex : hex
        }.joined()
    }

    /// The command that runs it.
    func command(_ name: String, _ script: String, _ keys: [String], _ arguments: [String]) -> RedisCommand {
        var command = RedisCommand(name, script, String(keys.count))
        for word in keys { command.append(word) }
        for word in arguments { command.append(word) }
        return command
    }
}

extension RedisClient {
    /// Runs a script. Both attempts, should the server not know it, share the time.
    /// - Parameters:
    ///   - keys, arguments: `KEYS` and `ARGV`.
    ///   - limit: how long the reply is waited for.
    ///   - isFinal: sent and waited for by a task that is cancelled, too.
    package func run(
        _ script: RedisScript, keys: [String], arguments: [String], within limit: Duration, isFinal: Bool = false
    ) async throws(RedisError) -> RedisReply {
        let deadline = ContinuousClock.now + limit
        do {
            return try await send(script.command("EVALSHA", script.digest, keys, arguments), within: limit, isFinal: isFinal)
        } catch .server(code: "NOSCRIPT", _) {
            return try await send(script.command("EVAL", script.source, keys, arguments), within: deadline - .now, isFinal: isFinal)
        }
    }
}
