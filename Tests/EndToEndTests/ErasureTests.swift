import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A person who asks to be erased` {
    @Test func `is readable nowhere afterwards, and all else stays as it was`() async throws {
        try await withDataDirectory { directory in
            let log = directory + ".log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let system = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_LOG_LEVEL": "trace"], logFile: log)
            let anyone = Client(base: system.api)
            let bob = try await anyone.signedUp("bob")
            let kept = try await bob.call(.POST, "/posts", json: #"{"title":"Of Bob","content":"stays","publish":true}"#)
            let zyx = try await Zyx.move(into: system)

            // A rebuild keeps the tables from before: they hold everything, too.
            #expect(try await system.run(["projections", "rebuild", "--all"]).code == 0)
            let full = try await system.dump()
            for text in ["zyxmail", "zyxname", "zyxdisplay", "zyxbio", "zyxtitle", "zyxslug", "zyxcontent"] {
                #expect(full.contains(text), "\(text)")
            }
            #expect(full.components(separatedBy: "zyxmail").count > 2, "the live and the kept table")

            let wrong = try await zyx.client.call(.DELETE, "/users/me", json: #"{"password":"zyxpassword wrong"}"#)
            #expect(wrong.status == 403)
            let asked = try await zyx.client.call(
                .DELETE, "/users/me", json: #"{"password":"\#(Zyx.password)"}"#, headers: ["X-Request-ID": "zyxmail@example.org"])
            #expect(asked.status == 202)
            let closure = try #require(asked.data["closureId"]?.text)
            let receipt = try await anyone.closed(closure)
            #expect(receipt.split(separator: ".").count == 3)

            try await system.expectNothing(of: Zyx.words, "after the closure")
            try await zyx.expectGone(for: anyone)
            let post = try await anyone.call(.GET, "/posts/\(kept.data["id"]?.text ?? "")", headers: ["DNT": "1"])
            #expect(post.data["author"]?["username"]?.text == "bob" && post.data["content"]?.text == "stays")

            // The log still says what happened, and the read tables are still what it says.
            for model in ["posts", "trending", "users", "view_counts"] {
                #expect(try await system.run(["projections", "verify", model]).code == 0, "\(model)")
            }
            #expect(try await system.run(["projections", "rebuild", "--all"]).code == 0)
            try await system.expectNothing(of: Zyx.words, "after a rebuild from the log")
            try await zyx.expectForgotten(by: system)

            // Names are free for anybody.
            let next = try await anyone.call(.POST, "/auth/register", json: Zyx.registration)
            #expect(next.status == 201)
            // Bob is an admin since, which has ended his older tokens.
            let back = Client(base: system.api, token: try await anyone.logIn("bob@example.org", "a password of bob"))
            let reused = try await back.call(.POST, "/posts", json: #"{"title":"Mine","content":"now","slug":"zyxslug"}"#)
            #expect(reused.status == 201)
            #expect(await system.interrupt() == 0)

            for file in [log, directory + "/postgres/data/server.log"] {
                let lines = try String(contentsOfFile: file, encoding: .utf8)
                let told = lines.components(separatedBy: "\n").filter { line in Zyx.words.contains { line.contains($0) } }
                #expect(!lines.isEmpty && told.isEmpty, "\(told)")
            }
        }
    }

    /// At once, or when the account is closed and its posts are to be deleted; after each step with ANNALS_LONG_TESTS=1.
    @Test func `is erased although the program is killed in between`() async throws {
        try await withDataDirectory { directory in
            var system = try await RunningSystem(dataDirectory: directory)
            let boundaries = isLongRun ? [0, 1, 2, 3, 4, 5, 6] : [0, 2]
            for round in boundaries.indices {
                let ann = try await Client(base: system.api).signedUp("ann")
                for number in 1...3 {
                    #expect(try await ann.call(.POST, "/posts", json: #"{"title":"T\#(number)","content":"c"}"#).status == 201)
                }
                let asked = try await ann.call(.DELETE, "/users/me", json: #"{"password":"a password of ann"}"#)
                #expect(asked.status == 202)
                let closure = try #require(asked.data["closureId"]?.text)
                let anyone = Client(base: system.api)
                try await eventually { try await anyone.call(.GET, "/users/closures/\(closure)").stepsDone >= boundaries[round] }
                try await system.killEverything()

                system = try await RunningSystem(dataDirectory: directory)
                _ = try await Client(base: system.api).closed(closure)
                let count = { (type: String) in try await system.query("SELECT count(*) FROM log.events WHERE type = '\(type)'", in: "annals_log") }
                for type in ["ClosureRequested", "UserClosed", "ProcessEnded"] { #expect(try await count(type) == "\(round + 1)", "\(type)") }
                #expect(try await count("PostDeleted") == "\((round + 1) * 3)")
                #expect(try await system.query("SELECT count(*) FROM vault.data_keys WHERE wrapped IS NOT NULL", in: "annals_vault") == "0")
            }
            _ = await system.interrupt()
        }
    }

    @Test func `gets all that is held about them first, and nothing of others`() async throws {
        try await withSystem { system, anyone in
            let bob = try await anyone.signedUp("bob")
            let foreign = try await bob.call(.POST, "/posts", json: #"{"title":"Secret of Bob","content":"his","publish":true}"#)
            let zyx = try await Zyx.move(into: system)
            // As an admin she has changed somebody else's post.
            #expect(try await system.run(["users", "promote", "zyxmail@example.org"]).code == 0)
            let admin = Client(base: system.api, token: try await anyone.logIn("zyxmail@example.org", Zyx.password))
            let edited = try await admin.call(.PATCH, "/posts/\(foreign.data["id"]?.text ?? "")", json: #"{"title":"Corrected"}"#)
            #expect(edited.status == 200)

            let file = system.dataDirectory + ".json"
            defer { try? FileManager.default.removeItem(atPath: file) }
            let result = try await system.run(["users", "export", zyx.id, "--output", file])
            #expect(result.code == 0, "\(result.output)")
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
            let export = try JSONValue.parse(Array(try Data(contentsOf: URL(fileURLWithPath: file))))
            #expect(export["profile"]?["email"]?.text == "zyxmail@example.org")
            #expect(export["profile"]?["bio"]?.text == "zyxbio")
            #expect(export["identity"]?["role"]?.text == "admin")
            guard case .array(let posts)? = export["posts"], case .array(let events)? = export["events"],
                case .array(let sessions)? = export["identity"]?["sessions"]
            else { Issue.record("lists are missing: \(export)"); return }
            #expect(posts.compactMap { $0["title"]?.text } == ["zyxtitle", "zyxdraft"])
            #expect(sessions.count == 2)
            for session in sessions {
                guard case .array(let tokens)? = session["refreshTokens"] else { Issue.record("no tokens: \(session)"); continue }
                #expect(session["addressHash"]?.text != nil && tokens.first?["expiresAt"]?.text != nil)
            }
            let types = events.compactMap { $0["type"]?.text }
            #expect(types.prefix(3) == ["UserRegistered", "UserProfileChanged", "PostDrafted"])
            #expect(types.contains("UserRoleChanged") && types.contains("AdminAdded"))
            #expect(types.last == "PostEdited" && events.last?["data"]?["title"] == .null)
            let text = export.serialized
            #expect(text.contains("zyxbefore"), "what was edited away is held, too")
            for other in ["Secret of Bob", "Corrected", "bob@example.org", "argon2"] { #expect(!text.contains(other), "\(other)") }

            #expect(try await system.run(["users", "export", zyx.id, "--output", file]).code == 1, "a file is not written over")
            #expect(try await system.run(["users", "export", UUID().uuidString.lowercased()]).code == 1)
            #expect(try await system.run(["users", "export", "nobody"]).code == 1)
        }
    }
}

/// Somebody all of whose words can be told from everybody else's.
private struct Zyx {
    static let password = "zyxpassword long enough"
    /// The beginning of each text of theirs. Whole words: three letters of them stand now and then in what is sealed.
    static let words = ["mail", "name", "password", "display", "bio", "before", "content", "title", "slug", "draft"].map { "zyx" + $0 }
    static let registration = #"{"username":"zyxname","email":"zyxmail@example.org","password":"\#(password)"}"#

    let id: String
    let client: Client
    let posts: [String]

    static func move(into system: RunningSystem) async throws -> Zyx {
        let anyone = Client(base: system.api)
        let registered = try await anyone.call(.POST, "/auth/register", json: registration)
        let client = Client(base: system.api, token: try await anyone.logIn("zyxmail@example.org", password))
        #expect(try await client.call(.PATCH, "/users/me", json: #"{"displayName":"zyxdisplay","bio":"zyxbio"}"#).status == 200)
        let published = try await client.call(
            .POST, "/posts", json: #"{"title":"zyxbefore","content":"zyxcontent","slug":"zyxslug","publish":true}"#)
        let id = try #require(published.data["id"]?.text)
        let edited = try await client.call(.PATCH, "/posts/\(id)", json: #"{"title":"zyxtitle"}"#)
        _ = try await anyone.call(.POST, "/posts/\(id)/views", headers: ["Wait-For-Position": edited.position])
        let draft = try await client.call(
            .POST, "/posts", json: #"{"title":"zyxdraft","content":"zyxcontent"}"#, headers: ["X-Request-ID": "zyxmail@example.org"])
        return Zyx(id: try #require(registered.data["id"]?.text), client: client, posts: [id, try #require(draft.data["id"]?.text)])
    }

    /// Neither account nor posts are to be seen, and the token is worth nothing.
    func expectGone(for anyone: Client) async throws {
        #expect(try await anyone.call(.GET, "/users/\(id)").status == 404)
        #expect(try await anyone.call(.GET, "/posts/by-slug/zyxslug").status == 404)
        for post in posts { #expect(try await anyone.call(.GET, "/posts/\(post)").status == 404) }
        // The services hear of it by a feed.
        try await eventually { try await client.call(.GET, "/users/me").status == 401 }
        try await eventually { try await client.call(.POST, "/posts", json: "{}").status == 401 }
        #expect(try await client.call(.POST, "/posts", json: #"{"title":"t","content":"c"}"#).status == 401)
        #expect(try await anyone.call(.POST, "/auth/login", json: #"{"email":"zyxmail@example.org","password":"\#(Self.password)"}"#).status == 401)
    }

    /// History and tools show that something was there, and not what.
    func expectForgotten(by system: RunningSystem) async throws {
        #expect(try await system.run(["users", "promote", "bob@example.org"]).code == 0)
        let anyone = Client(base: system.api)
        let admin = Client(base: system.api, token: try await anyone.logIn("bob@example.org", "a password of bob"))
        var history = try await admin.call(.GET, "/posts/\(posts[0])/history?include=content")
        // Another service hears of the destroyed key within a second or two.
        try await eventually {
            history = try await admin.call(.GET, "/posts/\(posts[0])/history?include=content")
            guard case .array(let entries) = history.data else { return false }
            return entries.first?["data"]?["title"] == .null
        }
        guard case .array(let entries) = history.data else { Issue.record("no history: \(history)"); return }
        #expect(entries.compactMap { $0["type"]?.text } == ["PostDrafted", "PostPublished", "PostEdited", "PostDeleted"])
        #expect(entries[0]["data"]?["title"] == .null && entries[0]["data"]?["content"] == .null && entries[2]["data"]?["title"] == .null)
        let shown = try await system.run(["events", "show", "user-\(id)"])
        #expect(shown.output.contains("forgotten: username, email") && shown.output.contains("UserClosed"))
        let export = try await system.run(["users", "export", id])
        #expect(export.code == 0 && export.output.contains("sign-receipt") && !Self.words.contains { export.output.contains($0) })
    }
}

extension Client.Answer {
    /// How many steps of a closure are done.
    fileprivate var stepsDone: Int {
        guard case .array(let steps)? = data["steps"] else { return 0 }
        return steps.filter { $0["status"]?.text == "done" }.count
    }
}

extension Client {
    fileprivate func logIn(_ email: String, _ password: String) async throws -> String? {
        try await call(.POST, "/auth/login", json: #"{"email":"\#(email)","password":"\#(password)"}"#).data["accessToken"]?.text
    }

    /// The receipt of a closure, once it is done.
    fileprivate func closed(_ closure: String) async throws -> String {
        var receipt = ""
        try await eventually {
            let answer = try await call(.GET, "/users/closures/\(closure)")
            try #require([200, 503].contains(answer.status), "\(answer.json)")
            receipt = answer.data["receipt"]?.text ?? ""
            return answer.data["status"]?.text == "done"
        }
        return receipt
    }
}

extension RunningSystem {
    /// A command of the operator's, beside the running system.
    fileprivate func run(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await Launch.run(arguments + ["--port", "\(port)", "--data-dir", dataDirectory])
    }

    /// Every row of every table of the four databases as text, and the server's statistics of them.
    fileprivate func dump() async throws -> String {
        var text = ""
        for database in ["annals_log", "annals_read", "annals_identity", "annals_vault"] {
            let tables = try await query(
                "SELECT string_agg(format('%I.%I', schemaname, tablename), ' ') FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'",
                in: database
            ).split(separator: " ")
            #expect(!tables.isEmpty)
            for table in tables { text += try await query("SELECT string_agg(t::text, E'\\n') FROM \(table) AS t", in: database) }
            text += try await query(
                "SELECT string_agg(s::text, E'\\n') FROM pg_stats AS s WHERE schemaname !~ '^(pg_|information_schema)'", in: database)
        }
        return text
    }

    /// Neither as text nor as the bytes of one.
    fileprivate func expectNothing(of words: [String], _ moment: Comment, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let dump = try await dump()
        let bytes = words.map { $0.utf8.map { String($0, radix: 16) }.joined() }
        for form in words + bytes {
            guard let place = dump.range(of: form) else { continue }
            let around = dump[place.lowerBound...].prefix(60)
            Issue.record("\(moment): \(around)", sourceLocation: sourceLocation)
        }
    }
}
