import HTTPContract
import HTTPTypes
import TestSupport
import Testing

@testable import Gateway

private let (list, post, slug) = (Ask.list, Ask.post, Ask.slug)

@Suite(.timeLimit(.minutes(5))) struct `Calls that are answered on the event loop` {
    @Test func `are answered in the order of their requests, together with those of a task`() async throws {
        let stand = Newsstand(isOpen: true)
        try await stand.serve { port, _ in
            let paths = (0..<60).map { number in [list, post, list, post, slug][number % 5] + "?n=\(number)" }
            let wire = try Wire(port: port)
            await wire.send(paths.dropLast().map { Ask.get($0) }.joined() + Ask.get(paths[59], Ask.closing))
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.map(\.body) == paths.map(Newsstand.body))
            #expect(answers.dropLast().allSatisfy { $0.headers["connection"] == nil } && answers.last?.headers["connection"] == "close")
            #expect(stand.ways.map { $0.split(separator: " ").last.map(String.init) ?? "" } == paths)
            #expect(stand.ways.first == "direct \(paths[0])" && stand.ways.contains("usual \(paths[4])"))
        }
    }

    @Test func `hold back all that come behind them until they are answered`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post) + Ask.get(list) + Ask.get(slug, Ask.closing))
            try await eventually { stand.heldCount == 1 }
            #expect(stand.ways == ["direct \(post)"])
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.map(\.body) == [post, list, slug].map(Newsstand.body))
            #expect(stand.ways == ["direct \(post)", "direct \(list)", "usual \(slug)"])
        }
    }

    @Test func `go on when the task has answered what went to it`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            for _ in 1...3 {
                for path in [slug, list] {
                    await wire.send(Ask.get(path))
                    #expect(try await wire.answer().hasSuffix(Newsstand.body(path)))
                }
            }
            let both = ["usual \(slug)", "direct \(list)"]
            #expect(stand.ways == both + both + both)
        }
    }

    @Test func `may be many behind one that takes its time, from a client that has said all`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post) + String(repeating: Ask.get("/health"), count: 1500))
            // The server then reads on to the end, however much it holds back.
            wire.finish()
            try await eventually { stand.heldCount == 1 }
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.count == 1501 && answers.allSatisfy { $0.status == 200 })
            #expect(answers.first?.body == Newsstand.body(post) && answers.last?.headers["connection"] == "close")
        }
    }

    @Test func `are answered to a client that has shut its side`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post) + Ask.get(slug) + Ask.get(list))
            wire.finish()
            try await eventually { stand.heldCount == 1 }
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.map(\.body) == [post, slug, list].map(Newsstand.body))
            #expect(answers.last?.headers["connection"] == "close")
        }
    }

    @Test func `are answered to HEAD without a body, whose length is told`() async throws {
        let stand = Newsstand(isOpen: true)
        try await stand.serve { port, _ in
            for path in [list, post] {
                let wire = try Wire(port: port)
                await wire.send(Ask.get(path, method: "HEAD") + Ask.get(path, Ask.closing))
                let answers = WireResponse.all(in: try await wire.rest(), isHead: true)
                #expect(answers.map(\.status) == [200, 200] && answers.map(\.body) == ["", Newsstand.body(path)])
                #expect(answers.first?.headers["content-length"] == "\(Newsstand.body(path).utf8.count)")
                #expect(answers.first?.headers["content-length"] == answers.last?.headers["content-length"])
            }
            #expect(stand.ways.allSatisfy { $0.hasPrefix("direct") })
        }
    }

    @Test func `end the connection where the client wants that, and no request behind is looked at`() async throws {
        let stand = Newsstand(isOpen: true)
        try await stand.serve { port, _ in
            for path in [list, post] {
                let wire = try Wire(port: port)
                await wire.send(Ask.get(path, Ask.closing) + Ask.get(slug) + "\u{16}\r\n\r\n")
                let answers = WireResponse.all(in: try await wire.rest())
                #expect(answers.map(\.body) == [Newsstand.body(path)] && answers.first?.headers["connection"] == "close")
            }
            #expect(stand.ways == ["direct \(list)", "direct \(post)"])
        }
    }

    @Test(arguments: ["GET /c HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"])
    func `are answered before a refusal that stands behind them`(refused: String) async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post) + Ask.get(list) + refused + Ask.get(slug))
            try await eventually { stand.heldCount == 1 }
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.count == 3 && answers.prefix(2).map(\.body) == [post, list].map(Newsstand.body))
            #expect(answers.last.map { $0.status >= 400 && $0.headers["connection"] == "close" } == true, "\(answers)")
            #expect(stand.ways == ["direct \(post)", "direct \(list)"])
        }
    }

    @Test(arguments: [
        "X-Annals-Caller: x", "x-annals-attempt: 2", "Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-FORWARDED-PROTO: https",
        "Wait-For-Position: 1", "Content-Length: 0", "Expect: 100-continue",
    ])
    func `are none that speak for others, wait, or may bring a body`(field: String) async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(list, field, Ask.closing))
            #expect(WireResponse.all(in: try await wire.rest()).map(\.status) == [200])
            #expect(stand.ways == ["usual \(list)"])
            let names = stand.headers.flatMap { fields in fields.map { $0.name.canonicalName } }
            #expect(!names.contains { $0.hasPrefix("x-annals-") || $0.hasPrefix("x-forwarded-") || $0 == "forwarded" })
        }
    }

    @Test func `are none of HTTP/1.0`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let wire = try Wire(port: port)
            await wire.send("GET \(list) HTTP/1.0\r\n\r\n")
            #expect(WireResponse.all(in: try await wire.rest()).map(\.body) == [Newsstand.body(list)])
            #expect(stand.ways == ["usual \(list)"])
        }
    }

    @Test func `are none while answers are kept for when the service does not answer`() async throws {
        let stand = Newsstand()
        try await stand.serve({ $0.stale = StaleSettings() }) { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(list, Ask.closing))
            #expect(WireResponse.all(in: try await wire.rest()).map(\.status) == [200])
            #expect(stand.ways == ["usual \(list)"])
        }
    }

    @Test func `of one connection do not wait for those of another`() async throws {
        let stand = Newsstand()
        try await stand.serve { port, _ in
            let (waiting, other) = (try Wire(port: port), try Wire(port: port))
            await waiting.send(Ask.get(post))
            try await eventually { stand.heldCount == 1 }
            await other.send(Ask.get(list) + Ask.get(slug, Ask.closing))
            #expect(WireResponse.all(in: try await other.rest()).map(\.body) == [list, slug].map(Newsstand.body))
            stand.release()
            #expect(try await waiting.answer().hasSuffix(Newsstand.body(post)))
        }
    }
}
