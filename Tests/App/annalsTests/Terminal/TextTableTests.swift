import Testing

@testable import annals

@Suite struct `A table for the terminal` {
    @Test func `has columns as wide as they need to be`() {
        var table = TextTable("A", "B")
        table.add("long", "x")
        #expect(table.lines == ["A     B", "long  x"])
    }

    @Test func `is not steered by its cells`() {
        var table = TextTable("A")
        table.add("\u{1B}[2J\n\u{202E}x")
        #expect(table.lines.count == 2 && table.lines[1].unicodeScalars.allSatisfy { 0x20..<0x7F ~= $0.value })
    }
}
