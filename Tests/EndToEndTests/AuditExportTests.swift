import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

private let isLong = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1"

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Exporting the log of a running system` {
    private static let words = "what nobody else may read"

    @Test func `writes a file whose digest and count it says`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try await ann.call(
                .POST, "/posts", json: #"{"title":"\#(Self.words)","content":"x","publish":true}"#, headers: ["X-Request-ID": "anns-request"])
            let file = system.dataDirectory + "/export"
            for (options, isOpen) in [
                ([], true), (["--sealed"], false), (["--format", "cloudevents"], true), (["--format", "cloudevents-batch"], true),
            ] {
                let exported = try await system.export(options + ["--output", file])
                #expect(exported.code == 0, "\(exported.output)")
                let text = try String(contentsOfFile: file, encoding: .utf8)
                #expect(text.contains(Self.words) == isOpen)
                let sum = try await Shell.run("sha256sum '\(file)' | cut -d' ' -f1")
                #expect(exported.output.contains("3 events from positions 1 to 3, \(text.utf8.count) bytes, SHA-256 \(sum)"))
            }
            // Every filter reaches the log.
            let id = try #require(post.data["id"]?.text)
            let me = try await ann.ownID()
            let made = try await system.query("SELECT metadata ->> 'correlation' FROM log.events WHERE position = 1", in: "annals_log")
            let expected: [([String], [Int64])] = [
                (["--after", "1"], [2, 3]), (["--until", "2"], [1, 2]), (["--stream", "post-\(id)"], [2, 3]), (["--category", "user"], [1]),
                (["--type", "PostDrafted", "--type", "UserRegistered"], [1, 2]), (["--actor", me], [2, 3]),
                (["--correlation", "anns-request"], [2, 3]), (["--correlation", made], [1]),
                (["--from", "2100-01-01T00:00:00Z"], []), (["--to", "2020-01-01T00:00:00Z"], []), (["--from", "2020-01-01T00:00:00Z"], [1, 2, 3]),
            ]
            for (options, positions) in expected {
                let exported = try await system.export(options + ["--output", file])
                #expect(exported.code == 0, "\(exported.output)")
                let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                #expect(try lines.compactMap { try JSONValue.parse(Array($0.utf8))["position"]?.int } == positions, "\(options)")
            }
        }
    }

    @Test func `with proofs is what verify accepts, and does not when a byte is another`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"\#(Self.words)","content":"x","publish":true}"#)
            var size: Substring?
            // A checkpoint says its size in the second line.
            try await eventually {
                let checkpoint = try await anyone.call(.GET, "/audit/checkpoint")
                size = String(decoding: checkpoint.body, as: UTF8.self).split(separator: "\n").dropFirst().first
                return size == "3"
            }
            let file = system.dataDirectory + "/proven"
            let key = try await Launch.run(["audit", "key", "--data-dir", system.dataDirectory]).output.split(separator: "\n").first.map(String.init)
            for (options, events) in [([], 3), (["--type", "PostPublished"], 1), (["--until", "2"], 2)] {
                let exported = try await system.export(["--proofs", "--output", file] + options)
                #expect(exported.code == 0, "\(exported.output)")
                #expect(exported.output.contains("\(events) event"))
                let verified = try await Launch.run(["audit", "verify", file, "--key", try #require(key)])
                #expect(verified.code == 0, "\(verified.output)")
            }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(!text.contains(Self.words))
            let changed = text.split(separator: "PostDrafted", omittingEmptySubsequences: false).joined(separator: "PostDraftee")
            try changed.write(toFile: file, atomically: false, encoding: .utf8)
            #expect(try await Launch.run(["audit", "verify", file, "--key", try #require(key)]).code == 3)
            let beyond = try await system.export(["--proofs", "--until", "4"])
            #expect(beyond.code == 1 && beyond.output == "annals: the newest checkpoint covers 3 events, not position 4\n")
        }
    }

    @Test func `says on standard error what it wrote to standard output`() async throws {
        try await withSystem { system, anyone in
            _ = try await anyone.signedUp("ann")
            let command = "'\(Launch.binary.path)' audit export --sealed --data-dir '\(system.dataDirectory)'"
            let sum = try await Shell.run("\(command) 2>/dev/null | sha256sum | cut -d' ' -f1")
            let said = try await Shell.run("\(command) 2>&1 >/dev/null | tail -1")
            #expect(said.hasPrefix("1 event from positions 1 to 1, ") && said.hasSuffix(" bytes, SHA-256 \(sum)"))
        }
    }

    @Test func `to a reader that leaves is one line and exit code 1`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            // More than any pipe holds.
            let content = String(repeating: "x", count: 150_000)
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Long","content":"\#(content)"}"#)
            let output = try await Shell.run(
                "{ '\(Launch.binary.path)' audit export --data-dir '\(system.dataDirectory)' | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}; } 2>&1")
            #expect(withoutProgress(output) == "annals: the export is not whole: nobody reads standard output any more\n1\n")
        }
    }

    @Test func `to a full disk is one line, exit code 1 and no file`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let content = String(repeating: "x", count: 150_000)
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Long","content":"\#(content)"}"#)
            let folder = system.dataDirectory + "/exports"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            let command = "'\(Launch.binary.path)' audit export --data-dir '\(system.dataDirectory)'"
            // A limit of the process stands for the disk's: it is met by root, too, and in the middle.
            let limited = try await Shell.run("(ulimit -f 8; exec \(command) --output '\(folder)/out') 2>&1; echo $?")
            #expect(withoutProgress(limited) == "annals: the export is not whole: \(folder)/out can't be written: File too large\n1\n")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
            let full = try await Shell.run("\(command) 2>&1 >/dev/full; echo $?")
            #expect(withoutProgress(full) == "annals: the export is not whole: standard output can't be written: No space left on device\n1\n")
        }
    }

    @Test func `killed half-way leaves no file under its name`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"One","content":"x"}"#)
            try await system.multiplyEvents(by: 100_000)
            let folder = system.dataDirectory + "/exports"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            // One that ended before this test looked is not the one that this is about.
            try await eventually {
                try? FileManager.default.removeItem(atPath: folder + "/out")
                let export = try Launch(["audit", "export", "--data-dir", system.dataDirectory, "--output", folder + "/out"])
                let pid = export.process.processIdentifier
                try await eventually { isWriting(pid, in: folder) || !export.process.isRunning }
                export.process.signal(SIGKILL)
                await export.process.waitForExit()
                return export.process.end == .signal(SIGKILL)
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
            // Where files can't be nameless, the leftover does not look like an export.
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { $0.hasPrefix(".") && $0.hasSuffix(".partial") })
        }
    }

    /// 1,000,000 events with ANNALS_LONG_TESTS=1, 30,000 otherwise.
    @Test(arguments: [["--sealed"], ["--format", "cloudevents"]])
    func `needs the same little memory however long the log is`(form: [String]) async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let content = String(repeating: "Nothing acknowledged is ever lost. ", count: 7)
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"One","content":"\#(content)"}"#)
            let count = isLong ? 1_000_000 : 30_000
            try await system.multiplyEvents(by: count)
            let arguments = (["audit", "export", "--data-dir", system.dataDirectory, "--output", system.dataDirectory + "/out"] + form)
            // The kernel's own record of the most that the process ever had, in KiB.
            let said = try await Shell.run(
                "python3 -c 'import resource, subprocess, sys; print(subprocess.run(sys.argv[1:], capture_output=True, text=True).stdout); "
                    + "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' '\(Launch.binary.path)' \(arguments.map { "'\($0)'" }.joined(separator: " "))"
            )
            #expect(said.contains("\(count + 2) events from positions 1 to \(count + 2), "), "\(said)")
            let most = try #require(said.split(separator: "\n").last.flatMap { Int($0) }, "\(said)")
            #expect(most < 100 * 1024, "\(most) KiB")
            try FileManager.default.removeItem(atPath: system.dataDirectory + "/out")
        }
    }

    @Test func `says in one line what it can't do`() async throws {
        try await withSystem { system, _ in
            let wrong = [
                ["--from", "yesterday"], ["--after=-1"], ["--after", "5", "--until", "4"], ["--stream", "x"], ["--type", "Nonsense"],
                ["--category", "nonsense"], ["--stream", "post-\(UUID().uuidString.lowercased())", "--category", "post"], ["--actor", "x"],
                ["--format", "xml"], ["--proofs", "--format", "cloudevents"], ["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"],
            ]
            for arguments in wrong {
                let refused = try await system.export(arguments)
                #expect(refused.code == 2, "\(arguments): \(refused.output)")
                #expect(refused.output.hasPrefix("Error: "), "\(arguments): \(refused.output)")
            }
            for (path, words) in [
                ("/dev/null", "is not a file"), (system.dataDirectory + "/none/out", "can't be written: No such file or directory"),
            ] {
                let refused = try await system.export(["--output", path])
                #expect(refused.code == 1)
                #expect(refused.output == "annals: \(path) \(words)\n")
            }
        }
    }
}

/// The output of a command, without the progress lines that a slow machine gets to see.
private func withoutProgress(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("export: ") }.joined(separator: "\n")
}

/// Whether the process has written to a file in the folder, named or not.
private func isWriting(_ pid: pid_t, in folder: String) -> Bool {
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
    return descriptors.contains { descriptor in
        let path = "/proc/\(pid)/fd/\(descriptor)"
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path), target.hasPrefix(folder + "/") else { return false }
        var status = stat()
        return stat(path, &status) == 0 && status.st_size > 0
    }
}

extension RunningSystem {
    /// `annals audit export …` beside the running system.
    fileprivate func export(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await Launch.run(["audit", "export"] + arguments + ["--data-dir", dataDirectory])
    }

    /// Puts as many copies of the first draft into the log, each in a stream of its own: appending them one by one would be most of the test. Their
    /// sealed parts are
    /// bound to the first, so they are not opened by anyone: each names nobody's key.
    fileprivate func multiplyEvents(by count: Int) async throws {
        for start in stride(from: 0, to: count, by: 50_000) {
            try await execute(
                """
                DO $$
                DECLARE
                    head bigint;
                BEGIN
                    PERFORM FROM log.append_lock FOR UPDATE;
                    head := (SELECT max(position) FROM log.events);
                    INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
                    SELECT head + n, 'post-' || id, 1, id, type, schema_version,
                        jsonb_build_object('author', data -> 'author', 'title', data #> '{$sealed,box}', 'slug', 's', 'content', ''), metadata, recorded_at
                    FROM (SELECT * FROM log.events WHERE type = 'PostDrafted' ORDER BY position LIMIT 1) AS draft (
                        p, s, v, i, type, schema_version, data, metadata, recorded_at),
                        (SELECT n, gen_random_uuid() AS id FROM generate_series(1, \(min(50_000, count - start))) AS n) AS numbers;
                END
                $$
                """, in: "annals_log")
        }
    }
}
