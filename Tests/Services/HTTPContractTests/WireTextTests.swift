import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import Testing

@Suite struct `A text from outside` {
    @Test func `is another than one that only looks alike`() {
        #expect(WireText("\u{E9}") != WireText("e\u{301}"))
        #expect(Set([WireText("\u{E9}"), WireText("e\u{301}"), WireText("\u{212B}"), WireText("\u{C5}")]).count == 4)
        #expect(!WireText("\u{212A}").isWord("k") && WireText("K").isWord("k"))
    }

    @Test func `may have a letter with marks where a delimiter stands for itself`() {
        // As characters, "," and a mark are one that is no comma.
        #expect(WireText("a,\u{301}b").split(at: ",").map(\.string) == ["a", "\u{301}b"])
        #expect(WireText("a=\u{301}b").cut(at: "=")?.1 == "\u{301}b")
    }

    @Test(arguments: [("0", 0), ("7", 7), ("9223372036854775807", Int64.max)]) func `is a number in one way`(row: (String, Int64)) {
        #expect(WireText(row.0).number == row.1)
    }

    @Test(arguments: ["", "00", "07", "+1", "-1", "1.0", "9223372036854775808", "1\u{301}", "\u{661}", " 1"]) func `is no number otherwise`(
        text: String
    ) {
        #expect(WireText(text).number == nil)
    }

    /// Only the head of a request is read as `WireText`; this holds everybody to it.
    @Test func `is compared nowhere as a String`() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources/Services").standardizedFileURL
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in files where file.pathExtension == "swift" && file.lastPathComponent != "WireText.swift" {
            count += 1
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                for raw in ["request.headers[", "request.headers.first", "uri.query", "uri.string"] {
                    #expect(!line.contains(raw), "\(file.lastPathComponent): read it as WireText, with request.header(…), .path or .query: \(line)")
                }
            }
        }
        #expect(count > 100)
    }
}

@Suite struct `Reading the head of a request` {
    private static let parsers: [(String, @Sendable (String) -> Void)] = [
        ("If-None-Match", { _ = Preconditions.isNotModified(request(.get, "/", [.ifNoneMatch: $0]), etag: "W/\"5.ab\"") }),
        ("If-Match", { text in _ = problem { _ = try Preconditions.expectation(request(.get, "/", [.ifMatch: text])) } }),
        ("Prefer", { text in _ = problem { _ = try Preconditions.waitForPosition(request(.get, "/", [.waitForPosition: "1", .prefer: text])) } }),
        ("Wait-For-Position", { text in _ = problem { _ = try Preconditions.waitForPosition(request(.get, "/", [.waitForPosition: text])) } }),
        ("Idempotency-Key", { text in _ = problem { _ = try Preconditions.idempotencyKey(request(.get, "/", [.idempotencyKey: text])) } }),
        ("X-Request-ID", { _ = RequestIdentity.requestID(of: request(.get, "/", [.requestID: $0])) }),
        ("the path", { text in _ = problem { _ = try EndpointRouter(Endpoint.allCases).match(request(.get, "/api/v1/posts/" + text)) } }),
        ("the query", { text in _ = problem { try request(.get, "/?" + text).refuseParameters() } }),
        ("an address", { _ = NetworkAddress(forwarded: WireText($0)) }),
    ]

    /// Bytes that headers may hold, in the shapes that cost most elsewhere: marks that normalisation sorts, delimiters, quotes, escapes.
    private static let patterns = [
        "\u{301}", "\u{301}\u{316}", "a\u{301},", "\"\u{301}\",", "W/\"5\",", ",", ";", "=", "\"", "%", "%41", "%CC%81", "/", "&", "a=b&", "é",
        "\u{1100}\u{1161}",
        "x", "1", " ", "\t,", "wait=1,", "[", ":", "👩‍👩‍👧",
    ]

    @Test(arguments: parsers.indices) func `costs a few visits a byte, whatever the bytes are`(index: Int) {
        let (name, read) = Self.parsers[index]
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = SplitMix(state: seed)
        for round in 0..<60 {
            var text = ""
            if round < Self.patterns.count {
                text = String(repeating: Self.patterns[round], count: 4000)
            } else {
                for _ in 0..<500 {
                    text += String(repeating: Self.patterns.randomElement(using: &generator) ?? "", count: .random(in: 1...8, using: &generator))
                }
            }
            let work = WireText.Work()
            WireText.$work.withValue(work) { read(text) }
            #expect(
                work.count <= 12 * text.utf8.count + 200, "\(name), round \(round), seed \(seed): \(work.count) visits for \(text.utf8.count) bytes")
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
