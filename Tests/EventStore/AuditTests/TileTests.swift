import TestSupport
import Testing

@testable import Audit

@Suite struct `A tile's path` {
    @Test(arguments: [
        ("tile/0/x001/x234/067", Tile(.hashes(0), index: 1_234_067)), ("tile/1/000.p/3", Tile(.hashes(1), index: 0, width: 3)),
        ("tile/0/000", Tile(.hashes(0), index: 0)), ("tile/0/999", Tile(.hashes(0), index: 999)), ("tile/0/x001/000", Tile(.hashes(0), index: 1000)),
        ("tile/entries/x001/234.p/255", Tile(.entries, index: 1234, width: 255)),
    ])
    func `is that of C2SP tlog-tiles`(path: String, tile: Tile) {
        #expect("\(tile)" == path)
        #expect(Tile(path: path) == tile)
    }

    @Test func `ends where positions do`() {
        let last = Tile(.entries, index: Int64.max / 256 - 1)
        #expect(Tile(path: "\(last)") == last)
        #expect(Tile(path: "\(Tile(.entries, index: Int64.max / 256))") == nil)
        #expect(Tile(path: "tile/0/x999/x999/x999/x999/x999/999") == nil)
    }

    @Test(arguments: [
        "", "tile", "tile/0", "tile/0/0", "tile/0/0000", "tile/8/000", "tile/-1/000", "tile/00/000", "tile/0/x000/000", "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "tile/0/x001", "tile/entries", "tile/0/000/", "/tile/0/000", "tile/0/+01",
        "tile/0/000.p/3/4",
        "tile/0/x001/x001/x001/x001/x001/x001/x001/001",
    ])
    func `is read in that one form only`(path: String) {
        #expect(Tile(path: path) == nil)
    }

    @Test func `is read by its bytes, over all of Unicode`() {
        let names = WorstTexts.blocks.filter { block in
            // As characters, a mark and the delimiter before it are one that is no delimiter.
            ["tile/0/000\(block)", "tile/\(block)0/000", "tile/entries/000.p/\(block)3", "tile/0/x\(block)001/000"].contains { Tile(path: $0) != nil }
        }
        #expect(names.isEmpty)
        #expect(Tile(path: "tile/0/" + String(repeating: "\u{301}", count: 100_000)) == nil)
    }
}
