import EventSourcing
import FoundationEssentials
import Testing
import WebhookDelivery

@Suite struct `The keys of a webhook` {
    @Test func `are what they were after they were kept`() throws {
        let keys = WebhookSigningKeys()
        let kept = try #require(WebhookSigningKeys(bytes: keys.bytes))
        #expect(kept.secretText == keys.secretText && kept.publicKeyText == keys.publicKeyText)
        #expect(WebhookSigningKeys(bytes: Array(keys.bytes.prefix(32))) == nil)
    }

    @Test func `sign as the specification's example does`() throws {
        let keys = WebhookSigningKeys(secret: try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let body = Array(#"{"test": 2432232314}"#.utf8)
        let signatures = try keys.signatures(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, body: body)
        #expect(signatures.first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect(signatures.last?.hasPrefix("v1a,") == true)
    }

    @Test(arguments: ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS%"])
    func `take no secret of another form`(text: String) {
        #expect(throws: TextViolation.self) { try WebhookSecret(text) }
    }
}

@Suite struct `A delivery that failed` {
    private let start = Timestamp(milliseconds: 1_800_000_000_000)

    private func next(_ attempts: Int, after elapsed: Duration = .zero, asked: Timestamp? = nil) -> Duration? {
        let now = start.advanced(by: elapsed)
        let next = RetrySchedule.next(after: attempts, at: now, firstDue: start, receiverAsks: asked, jitter: 1)
        return next.map { .milliseconds($0.milliseconds - now.milliseconds) }
    }

    @Test func `is tried again later and later, up to six hours`() {
        #expect([1, 2, 3, 4, 5, 6, 7, 8, 40].map { next($0) } == [5, 20, 80, 320, 1280, 5120, 20_480, 21_600, 21_600].map { .seconds($0) })
    }

    @Test func `is tried for 72 hours, the last time at their end`() {
        #expect(next(20, after: .seconds(71 * 3600)) == .seconds(3600))
        #expect(next(21, after: .seconds(72 * 3600)) == nil)
    }

    @Test func `waits as long as its receiver asks, and no longer than its time`() {
        #expect(next(1, asked: start.advanced(by: .seconds(600))) == .seconds(600))
        #expect(next(4, asked: start.advanced(by: .seconds(1))) == .seconds(320))
        #expect(next(1, asked: start.advanced(by: .seconds(900_000))) == RetrySchedule.patience)
    }

    @Test(arguments: [
        ("120", Int64(120_000)), ("0", 0), ("Fri, 15 Jan 2027 08:01:40 GMT", 100_000), ("soon", nil), ("-5", nil),
        ("Fri, 15 Foo 2027 08:01:40 GMT", nil),
        ("99999999999999999999", nil),
    ])
    func `reads Retry-After as seconds or a date`(row: (String, Int64?)) {
        #expect(RetrySchedule.moment(of: row.0, now: start)?.milliseconds == row.1.map { start.milliseconds + $0 })
    }
}
