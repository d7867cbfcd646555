import HTTPContract
import HTTPTypes
import NIOHTTP1
import TestSupport
import Testing

@testable import Gateway

@Suite struct `Reading what the gateway needs of a head` {
    private static let readers: [(String, @Sendable (String) -> Void)] = [
        (
            "Origin",
            { text in
                // As long as the text: others are told apart by their lengths alone.
                let origins = CrossOrigin.only([String(repeating: "a", count: text.utf8.count)], withCredentials: false)
                var headers = HTTPFields()
                origins.mark(&headers, origin: WireText(text))
                origins.markPreflight(&headers, origin: WireText(text), methods: "GET")
            }
        ),
        ("Host", { _ = violation(["Host": $0]) }), ("the target", { _ = RequestHeadRules(maximumTargetBytes: 99_999).violation(of: head([:], $0)) }),
        ("Transfer-Encoding", { _ = violation(["Host": "a", "Transfer-Encoding": $0]) }),
        ("Expect", { _ = Exchange(head(["Host": "a", "Expect": $0])) }), ("Connection", { _ = Exchange(head(["Host": "a", "Connection": $0])) }),
    ]

    @Test(arguments: readers.indices) func `costs a few visits a byte, whatever the bytes are`(index: Int) {
        let (name, read) = Self.readers[index]
        var seeds = SystemRandomNumberGenerator()
        let seed = seeds.next()
        var random = SeededRandom(seed: seed)
        var visits = 0
        for (round, text) in WorstTexts.all(using: &random).enumerated() {
            let work = WireText.Work()
            WireText.$work.withValue(work) { read(text) }
            visits += work.count
            #expect(work.count <= 12 * text.utf8.count + 400, "\(name), round \(round), seed \(seed)")
        }
        #expect(name != "Origin" || visits > 0)
    }

    private static func head(_ headers: HTTPHeaders, _ target: String = "/") -> HTTPRequestHead {
        HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
    }

    private static func violation(_ headers: HTTPHeaders) -> Problem? { RequestHeadRules(maximumTargetBytes: 99).violation(of: head(headers)) }
}
