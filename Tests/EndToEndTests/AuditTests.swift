import EventSourcing
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The audit of a running system` {
    @Test func `is signed, proven and verified, and notices a change`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x","publish":true}"#)
            try await system.covered(drafted.position)

            let key = try await system.audit(["key"])
            #expect(key.code == 0 && key.output.hasPrefix("annals-") && key.output.split(separator: "+", maxSplits: 2).count == 3)
            let checkpoint = try await system.audit(["checkpoint"])
            let served = try await anyone.call(.GET, "/audit/checkpoint")
            #expect(checkpoint.code == 0 && String(decoding: served.body, as: UTF8.self) == checkpoint.output)
            let own = system.dataDirectory + "/own.checkpoint"
            try checkpoint.output.write(toFile: own, atomically: true, encoding: .utf8)

            let proof = try await system.audit(["prove", drafted.position, "--against", own])
            #expect(proof.code == 0 && proof.output.hasPrefix("c2sp.org/tlog-proof@v1\nindex ") && proof.output.hasSuffix("\n\n" + checkpoint.output))
            #expect(try await system.audit(["prove", "100000"]).code == 1)
            #expect(try await system.audit(["prove", "0"]).code == 2)

            let good = try await system.audit(["verify", "--checkpoint", own])
            #expect(good.code == 0 && good.output.contains(" checkpoints fit"))
            #expect(try await system.audit(["verify", "--key", key.output.trimmingCharacters(in: .newlines)]).code == 0)

            _ = try await Shell.run(
                """
                psql -h '\(system.dataDirectory)/postgres/socket' -U postgres -q annals_log \
                -c "ALTER TABLE log.events DISABLE TRIGGER ALL; UPDATE log.events SET metadata = '{}' WHERE position = 2"
                """)
            let bad = try await system.audit(["verify"])
            #expect(bad.code == 3 && bad.output.contains("position 2: "), "\(bad.output)")
            let unproven = try await system.audit(["prove", "2"])
            #expect(unproven.code == 3 && unproven.output.contains("position 2: "), "\(unproven.output)")
        }
    }

    @Test func `holds the log to the checkpoint beside the key, whichever key is named`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            try await system.covered(try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x"}"#).position)
            let key = try await system.audit(["key"]).output.trimmingCharacters(in: .newlines)
            let besideKey = system.dataDirectory + "/keys/audit.key.checkpoint"
            #expect(!(try await system.audit(["verify", "--key", key]).output.contains("no checkpoint beside the key")))
            try FileManager.default.moveItem(atPath: besideKey, toPath: besideKey + ".away")
            let missing = try await system.audit(["verify", "--key", key])
            #expect(missing.code == 0 && missing.output.contains("no checkpoint beside the key"), "\(missing.output)")
            try FileManager.default.moveItem(atPath: besideKey + ".away", toPath: besideKey)

            try await system.execute(
                """
                ALTER TABLE log.merkle_checkpoints DISABLE TRIGGER ALL;
                TRUNCATE log.merkle_tiles, log.merkle_checkpoints; UPDATE log.merkle_head SET size = 0
                """, in: "annals_log")
            for arguments in [["verify"], ["verify", "--key", key]] {
                let gone = try await system.audit(arguments)
                #expect(gone.code == 3 && gone.output.contains("position 1: ") && gone.output.contains(besideKey), "\(gone.output)")
            }
        }
    }

    @Test func `proves nothing of a log that lacks its signed end, nor by a checkpoint that the key has not signed`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            try await system.covered(try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x"}"#).position)
            // Its accounts can't follow a log that is cut, and end it. Its PostgreSQL outlives it, and ends with the next process that is stopped.
            await system.kill()
            let export = ["export", "--proofs", "--output", system.dataDirectory + "/proofs.ndjson"]
            let last = try await system.query("SELECT max(position) FROM log.events", in: "annals_log")
            try await system.execute(
                "ALTER TABLE log.events DISABLE TRIGGER ALL; DELETE FROM log.events WHERE position = \(last)", in: "annals_log")
            let shortened = try await system.audit(export)
            #expect(shortened.code == 3 && shortened.output.contains("position \(last): the event is missing"), "\(shortened.output)")

            try await system.execute(
                """
                ALTER TABLE log.merkle_checkpoints DISABLE TRIGGER ALL;
                UPDATE log.merkle_checkpoints SET note = regexp_replace(note, '.{12}(.{8}=\\n)$', 'AAAAAAAAAAAA\\1')
                """, in: "annals_log")
            for arguments in [["prove", "1"], export] {
                let unsigned = try await system.audit(arguments)
                #expect(unsigned.code == 3 && unsigned.output.contains("is not signed by the audit key"), "\(unsigned.output)")
            }
            _ = try system.killDatabase()
        }
    }

    @Test func `is done by an auditor as the page on it says`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            try await system.covered(try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x"}"#).position)
            let folder = system.dataDirectory + "/auditor"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            let copy = try await system.audit(["checkpoint"]).output
            // As a mail program may hand them over.
            try copy.replacing("\n", with: "\r\n").write(toFile: folder + "/my-copy.txt", atomically: true, encoding: .utf8)
            let key = try await system.audit(["key"]).output.trimmingCharacters(in: .newlines)
            try (key + "\r\n").write(toFile: folder + "/key.txt", atomically: true, encoding: .utf8)
            try await system.covered(try await ann.call(.POST, "/posts", json: #"{"title":"Later","content":"x"}"#).position)

            let page = try String(contentsOfFile: repositoryRoot + "/docs/audit.md", encoding: .utf8)
            let section = try #require(page.components(separatedBy: "\n## For an auditor\n").last?.components(separatedBy: "\n## ").first)
            let blocks = section.components(separatedBy: "```sh\n").dropFirst().compactMap { $0.components(separatedBy: "\n```").first }
            #expect(blocks.count == 2)
            let binary = "annals() { '\(Launch.binary.path)' \"$@\"; }; cd '\(folder)'; export ANNALS_DATA_DIR='\(system.dataDirectory)'"
            func annals(_ command: String) async throws -> String { try await Shell.run("\(binary)\n\(command)\necho \"exit code $?\"") }
            let made = try await annals(try #require(blocks.first))
            #expect(made.hasSuffix("exit code 0\n"), "\(made)")
            let command = try #require(blocks.last).replacing(/'annals-[^']*'/, with: "'\(key)'")
            let checked = try await annals(command)
            #expect(checked.contains(" none left out.") && checked.hasSuffix("exit code 0\n"), "\(checked)")
            #expect(try await annals(command.replacing("'\(key)'", with: "key.txt")).hasSuffix("exit code 0\n"))

            let other = try await annals("annals audit export --proofs --output export.ndjson && \(command)")
            #expect(other.contains("--against") && other.hasSuffix("exit code 2\n"), "\(other)")
        }
    }

    @Test func `goes on after its process was killed, again and again`() async throws {
        try await withDataDirectory { directory in
            var system = try await RunningSystem(dataDirectory: directory)
            var ann = try await Client(base: system.api).signedUp("ann")
            for round in 1...3 {
                var last = ""
                for number in 1...10 {
                    let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Post \#(round) \#(number)","content":"x"}"#)
                    #expect(drafted.status == 201)
                    last = drafted.position
                }
                // In the middle of whatever the follower is doing.
                if round.isMultiple(of: 2) { try await system.killEverything() } else { await system.kill() }
                system = try await RunningSystem(dataDirectory: directory)
                ann = Client(base: system.api, token: ann.token)
                try await system.covered(last)
                let report = try await system.audit(["verify"])
                #expect(report.code == 0, "\(report.output)")
            }
            _ = await system.interrupt()
        }
    }
}

extension RunningSystem {
    fileprivate func audit(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await Launch.run(["audit"] + arguments + ["--data-dir", dataDirectory])
    }

    /// Returns once a published checkpoint covers the position.
    fileprivate func covered(_ position: String) async throws {
        let client = Client(base: api)
        let position = try #require(Int64(position))
        try await eventually {
            let lines = String(decoding: try await client.call(.GET, "/audit/checkpoint").body, as: UTF8.self).split(separator: "\n")
            return lines.count > 1 && Int64(lines[1]) ?? 0 >= position
        }
    }
}
