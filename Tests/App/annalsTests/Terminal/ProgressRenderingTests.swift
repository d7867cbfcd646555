import Testing

@testable import annals

@Suite struct `Progress as a bar` {
    private let half = ProgressState(label: "import", completed: 100, total: 200, elapsed: .seconds(4))

    @Test func `shows count, share, rate and time left`() {
        #expect(
            half.bar(width: 60, isColored: false) == "import " + String(repeating: "━", count: 12) + String(repeating: "╌", count: 13)
                + " 100/200 50 % 25/s 0:04 left")
    }

    @Test(arguments: 0...200) func `is never wider than the terminal`(width: Int) {
        #expect(half.bar(width: width, isColored: false).count <= width)
    }

    @Test func `has colours only when asked`() {
        #expect(half.bar(width: 60, isColored: true).contains("\u{1B}[32m"))
        #expect(!half.bar(width: 60, isColored: false).contains("\u{1B}"))
    }

    @Test func `is full when all is done and promises no time left`() {
        let bar = ProgressState(label: "x", completed: 7, total: 7, elapsed: .seconds(1)).bar(width: 40, isColored: false)
        #expect(!bar.contains("╌"))
        #expect(!bar.contains("left"))
        #expect(bar.contains("100 %"))
    }

    @Test func `counts work of size nothing as done`() {
        #expect(ProgressState(label: "x", completed: 0, total: 0, elapsed: .zero).fraction == 1)
    }
}

@Suite struct `Progress as a line` {
    @Test func `reads as a sentence`() {
        #expect(ProgressState(label: "import", completed: 3, total: 283, elapsed: .seconds(2)).line == "import: 3 of 283 (1 %), 1.5/s, 3:07 left")
    }

    @Test func `says nothing of a rate before there is one`() {
        #expect(ProgressState(label: "rebuild", completed: 0, total: 10, elapsed: .seconds(2)).line == "rebuild: 0 of 10 (0 %)")
    }

    @Test func `writes hours when it takes hours`() {
        #expect(ProgressState(label: "r", completed: 1, total: 3601, elapsed: .seconds(1)).line == "r: 1 of 3601 (0 %), 1.0/s, 1:00:00 left")
    }
}
