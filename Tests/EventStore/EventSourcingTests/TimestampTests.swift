import EventSourcing
import TestSupport
import Testing

@Suite struct `A timestamp` {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-21T01:02:03.004Z", 1_795_222_923_004),
        ("2026-11-21t01:02:03.004z", 1_795_222_923_004), ("2026-11-21T03:02:03.004+02:00", 1_795_222_923_004),
        ("2026-11-20T19:32:03.004-05:30", 1_795_222_923_004),
        ("1970-01-01T00:00:00-00:00", 0), ("2000-02-29T00:00:00Z", 951_782_400_000), ("2024-02-29T23:59:59Z", 1_709_251_199_000),
        ("1900-03-01T00:00:00Z", -2_203_891_200_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("1970-01-01T00:00:00.5Z", 500), ("1970-01-01T00:00:00.12Z", 120), ("1970-01-01T00:00:00.123999999Z", 123),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ])
    func `is read from RFC 3339`(text: String, milliseconds: Int64) {
        #expect(Timestamp(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11-21", "2026-11-21T01:02Z", "2026-11-21T01:02:03", "2026-11-21 01:02:03Z", "2026-11-21T01:02:03Zx",
        "2026-11-21T01:02:03.Z",
        "2026-11-21T01:02:03,5Z", "2026-11-21T01:02:03+0200", "2026-11-21T01:02:03+24:00", "2026-11-21T01:02:03+02:60", "2026-11-21T24:00:00Z",
        "2026-11-21T23:60:00Z", "2026-11-21T23:59:61Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "-026-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "２０２６-01-01T00:00:00Z", "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    ])
    func `is not read from anything else`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [Int64(0), -1, 1, 999, -62_135_596_800_000, 253_402_300_799_999, 951_782_400_000, -2_203_891_200_001])
    func `reads back as written`(milliseconds: Int64) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(Timestamp(time.description) == time)
    }

    @Test func `is written in UTC with milliseconds`() {
        #expect(Timestamp(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: 1_795_222_923_004).description == "2026-11-21T01:02:03.004Z")
        #expect(Timestamp(milliseconds: -62_135_596_800_000).description == "0001-01-01T00:00:00.000Z")
    }

    @Test(arguments: (0..<20).map { _ in UInt64.random(in: 0 ... .max) }) func `sorts as its text does`(seed: UInt64) {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let times = (0..<100).map { _ in Timestamp(milliseconds: .random(in: -62_135_596_800_000...253_402_300_799_999, using: &random)) }
        #expect(times.sorted().map(\.description) == times.map(\.description).sorted(), "seed \(seed)")
        #expect(times.allSatisfy { Timestamp($0.description) == $0 }, "seed \(seed)")
    }

    @Test func `advances by durations to the millisecond`() {
        #expect(Timestamp(milliseconds: 5).advanced(by: .milliseconds(1500)) == Timestamp(milliseconds: 1505))
        #expect(Timestamp(milliseconds: 5).advanced(by: .seconds(-2)) == Timestamp(milliseconds: -1995))
    }
}

@Suite struct `A civil date` {
    @Test func `counts every day of 800 years, one after the other`() throws {
        var previous = CivilDate(daysSinceEpoch: -200_001)
        for days in Int64(-200_000)...100_000 {
            let date = CivilDate(daysSinceEpoch: days)
            guard date.daysSinceEpoch == days, CivilDate(year: date.year, month: date.month, day: date.day) == date, follows(date, previous) else {
                Issue.record("day \(days) is \(date), after \(previous)")
                return
            }
            previous = date
        }
        #expect(previous == CivilDate(year: 2243, month: 10, day: 17))
    }

    private func follows(_ date: CivilDate, _ previous: CivilDate) -> Bool {
        date.day == 1
            ? CivilDate(year: previous.year, month: previous.month, day: previous.day + 1) == nil
                && (date.month == 1
                    ? (date.year, 12) == (previous.year + 1, previous.month) : (date.year, date.month) == (previous.year, previous.month + 1))
            : (date.year, date.month, date.day) == (previous.year, previous.month, previous.day + 1)
    }
}
