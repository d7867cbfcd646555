import EventSourcing
import Testing

@testable import BlogImport

@Suite struct `A date of a blog` {
    @Test(arguments: [
        ("2016-9-13 12:00:00", "2016-09-13T12:00:00.000Z"),
        ("2016-02-29 8:00:00", "2016-02-29T08:00:00.000Z"),
        ("2016-1-29", "2016-01-29T00:00:00.000Z"),
        ("2016/01/29", "2016-01-29T00:00:00.000Z"),
        ("2026-06-03 17:45", "2026-06-03T17:45:00.000Z"),
        ("2015-12-03 11:28:00 +0000", "2015-12-03T11:28:00.000Z"),
        ("2015-12-03 11:28:00 -0700", "2015-12-03T18:28:00.000Z"),
        ("2015-12-03 11:28:00 -07", "2015-12-03T18:28:00.000Z"),
        ("2015-12-03 11:28:00 +5:30", "2015-12-03T05:58:00.000Z"),
        ("2015-12-03 11:28:00 UTC", "2015-12-03T11:28:00.000Z"),
        ("2015-12-03T11:28:00.123456Z", "2015-12-03T11:28:00.123Z"),
        ("2015-12-03t11:28:00.5+01:00", "2015-12-03T10:28:00.500Z"),
        (" 2015-12-03  11:28:00 Z ", "2015-12-03T11:28:00.000Z"),
    ]) func `is read in every form that people write`(written: String, moment: String) {
        #expect(BlogDate.read(written)?.description == moment)
    }

    @Test(arguments: [
        "", "yesterday", "13.9.2016", "2016-13-01", "2016-02-30", "2015-02-29", "2016-01-01 25:00", "2016-01-01 10:61", "2016-01-01 10",
        "2016-01-01x",
        "2016-01-01 10:00:00 MEZ", "2016-01-01 10:00 +99:00", "2016-01-01 10:00:00.", "16-01-01", "2016-001-01",
    ]) func `is nothing when it names no moment`(written: String) {
        #expect(BlogDate.read(written) == nil)
    }

    @Test(
        arguments: [
            ("2016-1-05-swift-2.2-release", "2016-01-05T00:00:00.000Z", "swift-2.2-release"),
            ("2016-12-9-x", "2016-12-09T00:00:00.000Z", "x"),
            ("2018-10-10_hello", "2018-10-10T00:00:00.000Z", "hello"),
            ("2018-10-10", "2018-10-10T00:00:00.000Z", "2018-10-10"),
            ("swift-5", nil, "swift-5"),
            ("2018-99-10-x", nil, "2018-99-10-x"),
        ] as [(String, String?, String)]) func `stands at the start of a file's name`(name: String, moment: String?, rest: String)
    {
        let leading = BlogDate.leading(name)
        #expect(leading.date?.description == moment)
        #expect(leading.rest == rest)
    }
}
