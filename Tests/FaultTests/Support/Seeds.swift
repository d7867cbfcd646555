import Foundation

/// The seeds of a test's rounds. With `ANNALS_FAULT_SEED` there is one round, of that seed: what a failed one printed.
enum Seeds {
    static let isLong = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1"

    static func rounds(_ short: Int, long: Int) -> [UInt64] {
        if let seed = ProcessInfo.processInfo.environment["ANNALS_FAULT_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        return (0..<(isLong ? long : short)).map { _ in UInt64.random(in: 0...UInt64.max) }
    }
}
