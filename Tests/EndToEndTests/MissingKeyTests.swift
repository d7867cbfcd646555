import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A vault that lacks the key of one user` {
    @Test func `parks what is about that user, says so, and serves all others`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let benToken = try await Client(base: first.api).signedUp("ben").token
            // The read models see nothing of Ann while her key is there.
            try await first.session("annals_read") { session in
                try await session.execute(script: "BEGIN; LOCK TABLE annals.checkpoints IN ACCESS EXCLUSIVE MODE")
                #expect(try await Client(base: first.api).signedUp("ann").token != nil)
                await first.kill()
                // The server has got their statements already, and would execute them once the table is free.
                try await session.query(
                    Statement(
                        "end_others",
                        "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = 'annals_read' AND pid <> pg_backend_pid()"
                    ))
            }
            let ann = try await first.query(
                "SELECT substr(stream, 6) FROM log.events WHERE type = 'UserRegistered' ORDER BY position DESC LIMIT 1", in: "annals_log")
            try await first.execute(
                """
                CREATE TABLE kept AS SELECT * FROM vault.data_keys WHERE subject = '\(ann)';
                ALTER TABLE vault.data_keys DISABLE TRIGGER ALL;
                DELETE FROM vault.data_keys WHERE subject = '\(ann)';
                ALTER TABLE vault.data_keys ENABLE ALWAYS TRIGGER destroyed_keys_stay;
                ALTER TABLE vault.data_keys ENABLE ALWAYS TRIGGER data_keys_stay;
                """, in: "annals_vault")

            let second = try await RunningSystem(dataDirectory: directory)
            let anyone = Client(base: second.api)
            let posted = try await Client(base: second.api, token: benToken).call(
                .POST, "/posts", json: #"{"title":"Goes on","content":"x","publish":true}"#)
            #expect(posted.status == 201)
            let wait = ["Wait-For-Position": posted.position]
            #expect(try await anyone.call(.GET, "/posts/by-slug/goes-on", headers: wait).data["author"]?["username"]?.text == "ben")
            // Told after the tables.
            try await eventually {
                let ready = try await anyone.call(.GET, "http://127.0.0.1:\(second.port)/ready")
                return ready.status == 200 && ready.json["projections"]?["users"]?["parked"]?.int == 1
            }
            #expect(try await second.annals("projections", "parked", "list").output.contains("key missing"))
            // Her password is not in the vault: she signs in, and is told that what she asks for can't be had.
            let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
            #expect([200, 503].contains(login.status), "\(login.json)")

            try await second.execute("INSERT INTO vault.data_keys SELECT * FROM kept", in: "annals_vault")
            let retried = try await second.annals("projections", "parked", "retry", "users")
            #expect(retried.code == 0, "\(retried.output)")
            try await eventually { try await anyone.call(.GET, "/users/\(ann)").data["username"]?.text == "ann" }
            #expect(await second.interrupt() == 0)
        }
    }
}
