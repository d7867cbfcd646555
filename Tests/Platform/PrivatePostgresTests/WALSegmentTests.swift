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
}
