import Testing

@testable import PrivatePostgres

@Suite struct `A segment of WAL` {
    @Test(arguments: [
        ("000000010000000000000001", "000000010000000000000002"),
        ("00000001000000000000000F", "000000010000000000000010"),
        ("0000000100000000000000FF", "000000010000000100000000"),
    ]) func `is followed by the next of its timeline`(name: String, next: String) {
        #expect(WALSegment.isName(name))
        #expect(WALSegment.following(name) == next)
    }

    @Test func `of another size is followed by one of that size`() {
        #expect(WALSegment.following("00000001000000000000003F", size: 64 << 20) == "000000010000000100000000")
        #expect(WALSegment.following("0000000100000000000000FF", size: 1 << 20) == "000000010000000000000100")
    }

    @Test(arguments: ["00000001000000000000000F.partial", "00000002.history", "00000001000000000000000F.00000028.backup"])
    func `is no other file of an archive`(name: String) { #expect(!WALSegment.isName(name)) }
}
