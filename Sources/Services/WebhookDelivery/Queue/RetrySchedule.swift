package import EventSourcing

/// When a delivery that failed is tried again: after 5 s, and then four times as long each time, to 6 h, give or take a tenth; until 72 h have passed
/// since it was due first. The last attempt is at their end.
package struct RetrySchedule: Sendable {
    package static let patience = Duration.seconds(72 * 3600)
    private static let longest = Duration.seconds(6 * 3600)

    /// When to try again; nil when the time is over.
    /// - Parameters:
    ///   - attempts: how many there were.
    ///   - receiverAsks: the earliest moment that the receiver has asked for.
    ///   - jitter: from 0.9 to 1.1.
    package static func next(
        after attempts: Int, at now: Timestamp, firstDue: Timestamp, receiverAsks: Timestamp? = nil, jitter: Double = .random(in: 0.9...1.1)
    ) -> Timestamp? {
        let end = firstDue.advanced(by: patience)
        guard now < end else { return nil }
        let wait = min(.seconds(5 << (2 * min(max(0, attempts - 1), 10))), longest) * jitter
        return min(max(now.advanced(by: wait), receiverAsks ?? now), end)
    }

    /// The moment that `Retry-After` names (RFC 9110 §10.2.3): seconds from now, or a date. Nil for anything else.
    package static func moment(of retryAfter: String, now: Timestamp) -> Timestamp? {
        if let seconds = Int64(retryAfter), 0...31_536_000 ~= seconds { return now.advanced(by: .seconds(seconds)) }
        let parts = retryAfter.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])), parts[1].count == 2 else { return nil }
        let number = month + 1
        return Timestamp("\(parts[3])-\(number < 10 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z")
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
