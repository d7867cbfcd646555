import FoundationEssentials
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Gateway

/// An installation with short pages.
private struct Installed {
    static let pages = [
        "web/index.html": "<title>Start</title>", "web/docs.html": "<title>Docs</title>", "web/docs-missing.html": "<title>Missing</title>",
        "web/assets/style.css": "body { margin: 0 }", "web/assets/home.js": "show();", "web/assets/icon.svg": "<svg/>",
        "web/assets/notes.txt": "not for browsers", "openapi/openapi.yaml": "openapi: 3.1.0\n",
    ]
    static let swaggerUI = ["web/swagger-ui/swagger-ui.css": "a {}", "web/swagger-ui/swagger-ui-bundle.js": "run();", "web/swagger-ui/LICENSE": "L"]

    /// Opens a gateway on a folder with these files.
    static func withGateway(_ files: [String: String], _ body: (SpiedGateway) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.path + "/annals-pages-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let folder = "\(root)/\(path.split(separator: "/").dropLast().joined(separator: "/"))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: "\(root)/\(path)"))
        }
        try await body(SpiedGateway(pages: try Pages(root: root)))
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The pages` {
    @Test(arguments: [
        ("/", "text/html; charset=utf-8", "<title>Start</title>"), ("/docs", "text/html; charset=utf-8", "<title>Docs</title>"),
        ("/assets/style.css", "text/css; charset=utf-8", "body { margin: 0 }"), ("/assets/home.js", "text/javascript; charset=utf-8", "show();"),
        ("/assets/icon.svg", "image/svg+xml", "<svg/>"), ("/assets/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "run();"),
        ("/openapi.yaml", "application/yaml", "openapi: 3.1.0\n"), ("/openapi.json", "application/json", #"{"openapi":"3.1.0"}"#),
    ])
    func `are answered as they lie on the disk`(row: (String, String, String)) async throws {
        try await Installed.withGateway(Installed.pages.merging(Installed.swaggerUI) { $1 }) { gateway in
            let answer = try await gateway.answer(.get, row.0)
            #expect(answer.status == 200 && answer.headers[.contentType] == row.1 && answer.text == row.2)
            let tag = try #require(answer.headers[.eTag])
            let head = try await gateway.answer(.head, row.0)
            #expect(head.status == 200 && head.text.isEmpty && head.headers[.eTag] == tag && head.headers[.contentLength] == "\(row.2.utf8.count)")
            for method in [HTTPRequest.Method.get, .head] {
                let unchanged = try await gateway.answer(method, row.0, [.ifNoneMatch: tag])
                #expect(unchanged.status == 304 && unchanged.text.isEmpty && unchanged.headers[.eTag] == tag)
                // A browser takes the policy of a 304 for that of the page that it has.
                #expect(unchanged.headers[.contentSecurityPolicy] == answer.headers[.contentSecurityPolicy])
            }
            #expect(try await gateway.answer(.get, row.0, [.ifNoneMatch: "\"other\""]).status == 200)
            #expect(gateway.forwarded == 0)
        }
    }

    @Test func `run nothing inline, and nothing from elsewhere`() async throws {
        try await Installed.withGateway(Installed.pages) { gateway in
            for path in ["/", "/docs"] {
                let policy = try #require(try await gateway.answer(.get, path).headers[.contentSecurityPolicy])
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "))
                #expect(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"))
            }
            let script = try await gateway.answer(.get, "/assets/home.js")
            #expect(script.headers[.contentSecurityPolicy] == "default-src 'none'; frame-ancestors 'none'")
        }
    }

    @Test func `say how to get Swagger UI while it is not there`() async throws {
        var part = Installed.swaggerUI
        part["web/swagger-ui/swagger-ui.css"] = nil
        for files in [Installed.pages, Installed.pages.merging(part) { $1 }] {
            try await Installed.withGateway(files) { gateway in
                let page = try await gateway.answer(.get, "/docs")
                #expect(page.status == 200 && page.text == "<title>Missing</title>")
            }
        }
    }

    @Test(arguments: ["notes.txt", "LICENSE", "nothing.css", "..%2Findex.html", "%2e%2e%2f..%2fopenapi%2fopenapi.yaml", "style.css%00"])
    func `give out no other file`(name: String) async throws {
        try await Installed.withGateway(Installed.pages.merging(Installed.swaggerUI) { $1 }) { gateway in
            try await #expect(gateway.answer(.get, "/assets/\(name)").code == "NOT_FOUND")
        }
    }

    @Test func `are 404 in a gateway that has none`() async throws {
        for path in ["/", "/docs", "/openapi.json", "/assets/style.css"] { #expect(try await SpiedGateway().answer(.get, path).code == "NOT_FOUND") }
    }

    @Test func `stop the start in one line when a file is missing`() async throws {
        var files = Installed.pages
        files["web/index.html"] = nil
        let failure = await #expect(throws: Pages.Unreadable.self) { try await Installed.withGateway(files) { _ in } }
        #expect(failure?.description.hasSuffix("/web/index.html can't be read; it belongs to the installation") == true)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A document in YAML` {
    @Test(arguments: [
        ("b: 1\na: [x, 2.5e3, true]", #"{"b":1,"a":["x",2.5e3,true]}"#),
        ("v: 3.1.0\nn: ~\ne:\ns: 'true'\nq: \"1\"", #"{"v":"3.1.0","n":null,"e":null,"s":"true","q":"1"}"#),
        ("t: 2026-11-29T10:00:00Z\ny: yes\no: 017\nx: 0x1F\nm: 1:30", #"{"t":"2026-11-29T10:00:00Z","y":"yes","o":"017","x":"0x1F","m":"1:30"}"#),
        ("d: |\n  two\n  lines\n\"200\": {}\nl: []", #"{"d":"two\nlines\n","200":{},"l":[]}"#), ("a: &x [1]\nb: *x", #"{"a":[1],"b":[1]}"#),
    ])
    func `is the same in JSON`(row: (String, String)) throws {
        let json = try jsonDocument(yaml: Array(row.0.utf8))
        #expect(String(decoding: json, as: UTF8.self) == row.1)
    }

    @Test func `of the API has each member that it has in YAML, in their order`() throws {
        let yaml = try #require(FileManager.default.contents(atPath: repositoryRoot + "/openapi/openapi.yaml"))
        let json = try JSONValue.parse(try jsonDocument(yaml: Array(yaml)))
        #expect(json["openapi"]?.text == "3.1.0")
        #expect(json["paths"]?["/docs"]?["get"]?["responses"]?["200"] != nil)
        #expect(json["info"]?["version"]?.text == "0.1.0" && json["components"]?["schemas"]?["Title"]?["maxLength"]?.int == 255)
    }
}
