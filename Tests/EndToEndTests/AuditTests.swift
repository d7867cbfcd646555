import EventSourcing
import Foundation
import NIOHTTP1
import Testing

@Suite(.serialized) struct `The audit of a running system` {
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
        for _ in 0..<20_000 {
            let lines = String(decoding: try await client.call(.GET, "/audit/checkpoint").body, as: UTF8.self).split(separator: "\n")
            if lines.count > 1, let size = Int64(lines[1]), size >= position { return }
        }
        Issue.record("nothing was signed up to \(position)")
    }
}
