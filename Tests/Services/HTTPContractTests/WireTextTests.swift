import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import TestSupport
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

    /// Texts of the wire leave WireText and JSON by these names only, and this holds everybody to what may be done with them.
    @Test(arguments: [
        #"request\.headers\[|request\.headers\.first|uri\.query|uri\.string"#,
        // Compared or taken apart as a String, where it comes out of a text, of JSON or of a path.
        #"\.(text|string)\b[?)]*\s*(==|!=)|(==|!=)\s*[A-Za-z.?\[\]"]+\.(text|string)\b"#,
        #"(\.(text|string)\b[?)]*|arameters\.text\([^)]*\)\)?|self\["[a-z]+"\]\??)\.(hasPrefix|hasSuffix|lowercased|uppercased|split|contains|replacing)"#,
    ]) func `is compared nowhere as a String`(forbidden: String) throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources").standardizedFileURL
        var count = 0
        for folder in ["Services", "EventStore/Audit/Merkle"] {
            let files = try #require(FileManager.default.enumerator(at: sources.appending(path: folder), includingPropertiesForKeys: nil))
            for case let file as URL in files where file.pathExtension == "swift" && file.lastPathComponent != "WireText.swift" {
                count += 1
                for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                    let code = line.drop { $0 == " " }
                    guard !code.hasPrefix("//"), code.range(of: forbidden, options: .regularExpression) != nil else { continue }
                    Issue.record("\(file.lastPathComponent): read it as WireText, with request.header(…), .path or .query: \(code)")
                }
            }
        }
        #expect(count > 100)
    }
}

@Suite struct `Reading the head of a request` {
    private typealias Parser = @Sendable (String) async -> Void

    private static let parsers: [(String, Parser)] = [
        ("If-None-Match", { _ = Preconditions.isNotModified(request(.get, "/", [.ifNoneMatch: $0]), etag: "W/\"5.ab\"") }),
        ("If-Match", { text in _ = problem { _ = try Preconditions.expectation(request(.get, "/", [.ifMatch: text])) } }),
        ("Prefer", { text in _ = problem { _ = try Preconditions.waitForPosition(request(.get, "/", [.waitForPosition: "1", .prefer: text])) } }),
        ("Wait-For-Position", { text in _ = problem { _ = try Preconditions.waitForPosition(request(.get, "/", [.waitForPosition: text])) } }),
        ("Idempotency-Key", { text in _ = problem { _ = try Preconditions.idempotencyKey(request(.get, "/", [.idempotencyKey: text])) } }),
        ("X-Request-ID", { _ = RequestIdentity.requestID(of: request(.get, "/", [.requestID: $0])) }),
        ("traceparent", { _ = RequestIdentity.traceparent(of: request(.get, "/", [.traceparent: $0])) }),
        ("Content-Length", { text in _ = problem { try request(.post, "/", [.contentLength: text]).checkAnnouncedLength(limit: 9) } }),
        ("Content-Type", { await readBody([.contentType: $0]) }),
        ("Content-Type's parameters", { await readBody([.contentType: "application/json;" + $0]) }),
        ("Content-Encoding", { await readBody([.contentType: "application/json", .contentEncoding: $0]) }),
        ("Authorization", { await authenticate([.authorization: $0]) }),
        ("a token", { await authenticate([.authorization: "Bearer " + $0]) }),
        ("the path", { text in _ = problem { _ = try router.match(request(.get, "/api/v1/posts/" + text)) } }),
        ("the query", { text in _ = problem { try request(.get, "/?" + text).refuseParameters() } }),
        ("a parameter's value", { readParameters(request(.get, "/?a=" + $0)) }),
        (
            "a cursor",
            { text in _ = problem { _ = try CursorCodec(key: CursorKey(bytes: Array("a key of thirty-two bytes or more".utf8))).decode(text) } }
        ),
        ("an address", { _ = NetworkAddress(forwarded: WireText($0)) }),
    ]

    private static let router = EndpointRouter(Endpoint.allCases)
    private static let authentication = Authentication(verifier: TokenVerifier { [] }, services: ServiceIdentities.generate().keys)

    @Test(arguments: parsers.indices) func `costs a few visits a byte, whatever the bytes are`(index: Int) async {
        // Made outside of what is counted.
        _ = Self.router
        let (name, read) = Self.parsers[index]
        var seeds = SystemRandomNumberGenerator()
        let seed = seeds.next()
        var random = SeededRandom(seed: seed)
        var hasCounted = false
        // Made before anything is counted.
        _ = Self.router
        for (round, text) in WorstTexts.all(using: &random).enumerated() {
            // Tests that wait for something have their turn.
            await Task.yield()
            let work = WireText.Work()
            await WireText.$work.withValue(work) { await read(text) }
            hasCounted = hasCounted || work.count > 0
            #expect(
                work.count <= 40 * text.utf8.count + 400, "\(name), round \(round), seed \(seed): \(work.count) visits for \(text.utf8.count) bytes")
        }
        // A parser that does not read its text as WireText would pass whatever it costs.
        #expect(hasCounted, "\(name)")
    }

    @Test func `takes no time and no id for another that only looks like it`() {
        let taken = WorstTexts.blocks.flatMap(\.unicodeScalars).filter { scalar in
            let mark = "\(scalar)\u{301}"
            return Timestamp("2026-11-21T\(mark)01:02:03Z") != nil || Timestamp("2026-11-21T01:02:03Z\(mark)") != nil
                || UUID(lowercase: "01980000-0000-7000-8000-00000000000\(mark)") != nil
        }
        #expect(taken.isEmpty)
    }

    private static func readBody(_ headers: HTTPFields) async {
        #expect(await refusal { _ = try await request(.post, "/", headers, body: Array("{}".utf8)).jsonBody() }?.code != .internalError)
    }

    private static func authenticate(_ headers: HTTPFields) async {
        let call = request(.get, "/", headers)
        #expect(await refusal { _ = try await authentication.token(of: call, for: .signedIn) }?.code != .internalError)
    }

    private static func readParameters(_ request: Request) {
        for read in [
            { _ = $0.integer("a", in: 0...9) }, { _ = $0.text("a") }, { _ = $0.name("a") }, { _ = $0.choice("a", of: ["b": 1], default: 2) },
            { _ = $0.id("a") }, { _ = $0.time("a") },
        ] as [(inout QueryParameters) -> Void] {
            var parameters = QueryParameters(request)
            read(&parameters)
            _ = problem { try parameters.finish() }
        }
    }

    private static func refusal(of work: () async throws -> Void) async -> Problem? {
        do {
            try await work()
            return nil
        } catch {
            return error as? Problem
        }
    }
}
