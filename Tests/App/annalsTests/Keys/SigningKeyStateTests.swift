import EventSourcing
import Testing

@testable import AuthService
@testable import annals

@Suite struct `Signing keys in a list` {
    private let now = Timestamp(milliseconds: 1_000_000)

    private func key(signsFrom: Int64? = nil, retiredAt: Int64? = nil, revokedAt: Int64? = nil) -> SigningKeyRecord {
        SigningKeyRecord(
            kid: "k", createdAt: Timestamp(milliseconds: 0), signsFrom: signsFrom.map { Timestamp(milliseconds: $0) },
            retiredAt: retiredAt.map { Timestamp(milliseconds: $0) }, revokedAt: revokedAt.map { Timestamp(milliseconds: $0) })
    }

    @Test func `show which one signs, the newest that may`() {
        let keys = [key(signsFrom: 900_000), key(retiredAt: 900_000)]
        #expect(keys.states(at: now) == [.signs, .retired])
    }

    @Test func `show the one that signs next, while the one before still does`() {
        let keys = [key(signsFrom: 1_600_000), key(retiredAt: 1_600_000)]
        #expect(keys.states(at: now) == [.next, .signs])
    }

    @Test func `show that a withdrawn key signs no more`() {
        #expect([key(signsFrom: nil), key(signsFrom: 900_000, revokedAt: 950_000)].states(at: now) == [.signs, .withdrawn])
    }
}
