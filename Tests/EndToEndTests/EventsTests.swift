import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Looking into the log of a running system` {
    private static let words = "what nobody else may read"

    @Test func `shows a stream, as lines and as JSON, whole and in part`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"A title","content":"one\ntwo\tthree \u202efour"}"#)
            let id = try #require(drafted.data["id"]?.text)
            let published = try await ann.call(.POST, "/posts/\(id)/publish")
            let edited = try await ann.call(.PATCH, "/posts/\(id)", json: #"{"title":"\#(Self.words)"}"#)
            #expect(edited.data["version"]?.int == 3)

            let whole = try await system.events(["show", "post-\(id)"])
            #expect(whole.code == 0)
            let lines = whole.output.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines[0].contains(#""title":"A title""#) && lines[0].contains(#""content":"one\ntwo\tthree \u202efour""#))
            #expect(lines[1].split(separator: " ").prefix(1) == [Substring(published.position)])
            #expect(lines[1].contains("post-\(id)") && lines[1].contains(" 2  PostPublished "))
            #expect(lines[2].contains(Self.words))

            let entries = try await system.entries(["show", "post-\(id)"])
            let names = ["position", "stream", "version", "id", "type", "schemaVersion", "recordedAt", "data", "metadata"]
            #expect(entries.allSatisfy { $0.members?.names == names })
            #expect(entries.compactMap { $0["type"]?.text } == ["PostDrafted", "PostPublished", "PostEdited"])
            #expect(entries[0]["data"]?["content"] == .string("one\ntwo\tthree \u{202E}four"))
            #expect(entries[1]["position"]?.int == Int64(published.position))

            func versions(_ arguments: [String]) async throws -> [Int64] {
                try await system.entries(["show", "post-\(id)"] + arguments).compactMap { $0["version"]?.int }
            }
            #expect(try await versions(["--backwards"]) == [3, 2, 1])
            #expect(try await versions(["--from", "2"]) == [2, 3])
            #expect(try await versions(["--from", "2", "--to", "2"]) == [2])
            #expect(try await versions(["--limit", "2"]) == [1, 2])
            #expect(try await versions(["--backwards", "--limit", "1"]) == [3])
            #expect(try await versions(["--until", try #require(entries[2]["recordedAt"]?.text)]) == [1, 2, 3])
            #expect(try await versions(["--until", "2020-01-01T00:00:00Z"]).isEmpty)
        }
    }

    @Test func `sealed it shows nothing personal, and a forgotten field as forgotten`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("annabelle")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"\#(Self.words)","content":"x"}"#)
            let id = try #require(drafted.data["id"]?.text)

            for arguments in [["show", "post-\(id)"], ["tail"]] {
                #expect(try await system.events(arguments).output.contains(Self.words))
                let sealed = try await system.events(arguments + ["--sealed"])
                #expect(sealed.code == 0)
                #expect(sealed.output.contains(#""$sealed":{"#))
                #expect(!sealed.output.contains(Self.words) && !sealed.output.contains("annabelle"))
            }
            let stored = try await system.entries(["show", "post-\(id)", "--sealed"])
            let data = try JSONValue.parse(try await system.query("SELECT data FROM log.events WHERE type = 'PostDrafted'", in: "annals_log"))
            #expect(stored.first?["data"] == data)

            try await system.execute("UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now()", in: "annals_vault")
            let line = try await system.events(["show", "post-\(id)"]).output
            #expect(line.contains(#""title":null"#) && line.contains("forgotten: title, slug, content"))
            let forgotten = try await system.entries(["show", "post-\(id)"]).first
            #expect(forgotten?["data"]?["title"] == .null)
            #expect(forgotten?["forgotten"] == .array([.string("title"), .string("slug"), .string("content")]))
        }
    }

    @Test func `tails the log, by number, position, stream, category and type`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            var posts: [String] = []
            for number in 1...12 {
                let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"T\#(number)","content":"x","publish":true}"#)
                posts.append(try #require(drafted.data["id"]?.text))
            }
            // 1: the user; then two events a post.
            func positions(_ arguments: [String]) async throws -> [Int64] {
                try await system.entries(["tail"] + arguments).compactMap { $0["position"]?.int }
            }
            #expect(try await positions([]) == Array(16...25))
            #expect(try await positions(["--last", "3"]) == [23, 24, 25])
            #expect(try await positions(["--last", "1000"]) == Array(1...25))
            #expect(try await positions(["--after", "20"]) == Array(21...25))
            #expect(try await positions(["--after", "0"]) == Array(1...25))
            #expect(try await positions(["--after", "20", "--last", "2"]) == [24, 25])
            #expect(try await positions(["--after", "24", "--last", "20"]) == [25])
            #expect(try await positions(["--after", "9223372036854775807"]).isEmpty)
            #expect(try await positions(["--category", "user"]) == [1])
            #expect(try await positions(["--type", "PostPublished", "--last", "2"]) == [23, 25])
            #expect(
                try await positions(["--type", "PostPublished", "--type", "UserRegistered", "--after", "0"]) == [1] + (1...12).map { 2 * $0 + 1 })
            #expect(try await positions(["--category", "post", "--type", "PostDrafted", "--after", "20"]) == [22, 24])
            #expect(try await positions(["--category", "views"]).isEmpty)
            #expect(try await positions(["--stream", "post-\(posts[3])"]) == [8, 9])
            #expect(try await positions(["--stream", "post-\(posts[3])", "--last", "1"]) == [9])
            #expect(try await positions(["--stream", "post-\(posts[3])", "--after", "8"]) == [9])
            #expect(try await positions(["--stream", "post-\(posts[3])", "--type", "PostDrafted", "--last", "5"]) == [8])
        }
    }

    @Test func `follows the log until Ctrl-C, which ends it well`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            for filter in [[], ["--category", "post"], ["--type", "PostDrafted"]] {
                _ = try await ann.call(.POST, "/posts", json: #"{"title":"There","content":"x"}"#)
                let tail = try Launch(["events", "tail", "-f", "--last", "1", "--data-dir", system.dataDirectory] + filter)
                #expect(await tail.nextLine()?.contains("There") == true)
                for title in ["Coming", "Later"] {
                    _ = try await ann.call(.POST, "/posts", json: #"{"title":"\#(title)","content":"x"}"#)
                    #expect(await tail.nextLine()?.contains(title) == true)
                }
                tail.process.interrupt()
                #expect(await tail.output().isEmpty)
                await tail.process.waitForExit()
                #expect(tail.process.end == .exit(0))
            }
        }
    }

    @Test func `follows one stream and nothing else`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let id = try await ann.ownID()
            let tail = try Launch(["events", "tail", "-f", "--json", "--stream", "user-\(id)", "--data-dir", system.dataDirectory])
            #expect(await tail.nextLine()?.contains("UserRegistered") == true)
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Not shown","content":"x"}"#)
            let changed = try await ann.call(.PATCH, "/users/me", json: #"{"displayName":"Ann Other"}"#)
            #expect(changed.status == 200)
            let event = try JSONValue.parse(Array(try #require(await tail.nextLine()).utf8))
            #expect(event["type"]?.text == "UserProfileChanged")
            #expect(event["data"]?["displayName"]?.text == "Ann Other")
            tail.process.interrupt()
            await tail.process.waitForExit()
            #expect(tail.process.terminationStatus == 0)
        }
    }

    @Test func `ends quietly when its reader has had enough`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            // More than any pipe holds.
            let content = String(repeating: "x", count: 150_000)
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Long","content":"\#(content)"}"#)
            let output = try await Shell.run(
                "'\(Launch.binary.path)' events tail --data-dir '\(system.dataDirectory)' | head -c 10; echo \" ${PIPESTATUS[0]}\"")
            #expect(output == "       1   0\n")
        }
    }

    @Test func `says in one line what it can't show`() async throws {
        try await withSystem { system, _ in
            let missing = "post-\(UUID().uuidString.lowercased())"
            for command in [["show", missing], ["tail", "--stream", missing]] {
                let none = try await system.events(command)
                #expect(none.code == 1)
                #expect(none.output == "annals: there is no stream \(missing)\n")
            }
            let wrong = [
                ["show", "nonsense"], ["show"], ["show", missing, "--until", "yesterday"], ["show", missing, "--from", "3", "--to", "2"],
                ["show", missing, "--from", "0"], ["show", missing, "--limit", "0"], ["tail", "--type", "Nonsense"],
                ["tail", "--category", "nonsense"],
                ["tail", "--stream", missing, "--category", "post"], ["tail", "--after=-1"], ["tail", "--last", "0"],
            ]
            for arguments in wrong {
                let refused = try await system.events(arguments)
                #expect(refused.code == 2, "\(arguments): \(refused.output)")
                #expect(refused.output.hasPrefix("Error: "), "\(arguments): \(refused.output)")
            }
        }
    }
}

extension RunningSystem {
    /// `annals events …` beside the running system.
    fileprivate func events(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await Launch.run(["events"] + arguments + ["--data-dir", dataDirectory])
    }

    /// The output with `--json`: an object a line.
    fileprivate func entries(_ arguments: [String]) async throws -> [JSONValue] {
        let (code, output) = try await events(arguments + ["--json"])
        guard code == 0 else { throw LaunchFailure(output: output) }
        return try output.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
    }
}
