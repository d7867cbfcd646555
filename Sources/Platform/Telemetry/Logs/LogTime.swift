import Glibc

/// The time of a line.
struct LogTime {
    private let time: timespec

    static var now: LogTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogTime(time: time)
    }

    /// RFC 3339 in UTC with milliseconds.
    var utc: String {
        var (seconds, parts) = (time.tv_sec, tm())
        gmtime_r(&seconds, &parts)
        return date(parts) + "T" + clock(parts) + "Z"
    }

    /// The hour of this machine's time zone, for people.
    var local: String {
        var (seconds, parts) = (time.tv_sec, tm())
        localtime_r(&seconds, &parts)
        return clock(parts)
    }

    private func date(_ parts: tm) -> String { "\(parts.tm_year + 1900)-\(digits(Int(parts.tm_mon) + 1))-\(digits(Int(parts.tm_mday)))" }

    private func clock(_ parts: tm) -> String {
        let (hour, minute, second) = (digits(Int(parts.tm_hour)), digits(Int(parts.tm_min)), digits(Int(parts.tm_sec)))
        return "\(hour):\(minute):\(second).\(digits(time.tv_nsec / 1_000_000, 3))"
    }

    private func digits(_ number: Int, _ count: Int = 2) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
