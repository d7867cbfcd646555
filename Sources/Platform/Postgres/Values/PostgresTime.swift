/// PostgreSQL counts microseconds from 2000-01-01 UTC, with the two ends of `Int64` for infinity.
enum PostgresTime {
    private static let epochInMilliseconds: Int64 = 946_684_800_000

    /// Wire value of a time in milliseconds since 1970; nil when it is out of range.
    static func microseconds(fromMilliseconds milliseconds: Int64) -> Int64? {
        if milliseconds == .max || milliseconds == .min { return milliseconds }
        let (shifted, underflow) = milliseconds.subtractingReportingOverflow(epochInMilliseconds)
        let (scaled, overflow) = shifted.multipliedReportingOverflow(by: 1000)
        return underflow || overflow ? nil : scaled
    }

    /// Milliseconds since 1970, rounded down; infinities stay the ends of `Int64`.
    static func milliseconds(fromMicroseconds microseconds: Int64) -> Int64 {
        if microseconds == .max || microseconds == .min { return microseconds }
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1000)
        return (remainder < 0 ? quotient - 1 : quotient) + epochInMilliseconds
    }
}
