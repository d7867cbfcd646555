import Foundation
import JSON
import Logging
import NIOHTTP1
import Postgres
import PrivatePostgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A start on databases that are not as they should be` {
    @Test func `keeps its promises whatever is set for the databases`() async throws {
        try await withDataDirectory { directory in
            let databases = ["annals_log", "annals_read", "annals_identity", "annals_vault"]
            let first = try await RunningSystem(dataDirectory: directory)
            for database in databases {
                for setting in [
                    "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on", "synchronous_commit = off",
                    "TimeZone = 'Asia/Tokyo'", "search_path = 'elsewhere'",
                ] {
                    // Behind the setting that was made before, a session has to allow itself to write.
                    try await first.execute("SET default_transaction_read_only = off; ALTER DATABASE \(database) SET \(setting)", in: "postgres")
                }
            }
            _ = await first.interrupt()

            let second = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: second.api).signedUp("ann")
            let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
            #expect(posted.status == 201)
            let read = try await Client(base: second.api).call(
                .GET, "/posts/by-slug/kept", headers: ["Wait-For-Position": posted.position])
            #expect(read.status == 200)
            #expect(await second.interrupt() == 0)
        }
    }

    @Test func `keeps them behind a pooler that lends a session for one transaction`() async throws {
        try await withServer { location in
            try await withDatabases(at: location) { urls in
                try await withDataDirectory { directory in
                    let first = try await RunningSystem(dataDirectory: directory, environment: urls)
                    _ = await first.interrupt()
                    // There each service logs in by itself. The server lets every user of its socket in, as a pooler would.
                    try await letEveryUserIn(at: location)
                    for role in ["commands", "projector", "queries", "auth", "relay"] {
                        try await execute("ALTER ROLE annals_\(role) LOGIN", at: location)
                    }
                    for name in ["log", "read", "identity", "vault"] {
                        for setting in [
                            "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
                            "synchronous_commit = \(name == "log" ? "remote_apply" : "off")", "search_path = 'elsewhere'", "DateStyle = 'German'",
                            "session_replication_role = replica", "statement_timeout = '5s'", "idle_session_timeout = '5s'",
                        ] {
                            try await execute("ALTER DATABASE annals_\(name) SET \(setting)", at: location)
                        }
                    }

                    var pooled = urls
                    pooled["ANNALS_POOLING"] = "transaction"
                    pooled["ANNALS_READ_DIRECT_URL"] = urls["ANNALS_READ_URL"]
                    let second = try await RunningSystem(dataDirectory: directory, environment: pooled)
                    let ann = try await Client(base: second.api).signedUp("ann")
                    let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
                    #expect(posted.status == 201)
                    let read = try await Client(base: second.api).call(
                        .GET, "/posts/by-slug/kept", headers: ["Wait-For-Position": posted.position])
                    #expect(read.status == 200)
                    // A setting that waits for standbys stays, and so does one that was right already.
                    let wrong = [
                        "datestyle=ISO, MDY", "default_transaction_isolation=read committed", "default_transaction_read_only=off",
                        "idle_session_timeout=0", "search_path=\"$user\", public", "session_replication_role=origin", "statement_timeout=0",
                    ]
                    #expect(try await settings(of: "annals_commands", in: "annals_log", at: location) == wrong)
                    #expect(
                        try await settings(of: "annals_commands", in: "annals_vault", at: location) == (wrong + ["synchronous_commit=on"]).sorted())
                    #expect(await second.interrupt() == 0)
                }
            }
        }
    }

    @Test(arguments: [("log", "LATIN1"), ("read", "SQL_ASCII"), ("identity", "SQL_ASCII"), ("vault", "SQL_ASCII")])
    func `refuses one that can't hold every text`(name: String, encoding: String) async throws {
        try await withServer { location in
            try await withDatabases(at: location) { urls in
                try await execute("DROP DATABASE annals_\(name)", at: location)
                try await execute("CREATE DATABASE annals_\(name) TEMPLATE template0 ENCODING '\(encoding)' LOCALE 'C'", at: location)
                try await withDataDirectory { directory in
                    let line = try await refusedStart(in: directory, environment: urls)
                    #expect(line.hasPrefix("annals: the \(name) database at "))
                    #expect(line.contains("has the encoding \(encoding)"))
                }
            }
        }
    }

    @Test func `says which database is missing, at once`() async throws {
        try await withServer { location in
            try await withDatabases(at: location) { urls in
                try await execute("DROP DATABASE annals_identity", at: location)
                try await withDataDirectory { directory in
                    let line = try await refusedStart(in: directory, environment: urls)
                    #expect(line.contains(#"the identity database at "#) && line.contains(#"database "annals_identity" does not exist"#))
                }
            }
        }
    }

    @Test func `refuses one whose triggers are switched off, where only a superuser can switch them on`() async throws {
        try await withServer { location in
            try await withDatabases(at: location) { urls in
                try await letEveryUserIn(at: location)
                try await execute("CREATE ROLE plain LOGIN; ALTER DATABASE annals_log OWNER TO plain", at: location)
                try await execute("ALTER DATABASE annals_log SET session_replication_role = replica; SELECT pg_reload_conf()", at: location)
                try await withDataDirectory { directory in
                    let line = try await refusedStart(
                        in: directory, environment: urls.mapValues { $0.replacingOccurrences(of: "postgres@", with: "plain@") })
                    #expect(line.contains("the log database at ") && line.contains("has session_replication_role set"))
                }
            }
        }
    }

    @Test func `says what a superuser must run when the owner may make no roles`() async throws {
        try await withServer { location in
            try await execute("CREATE ROLE plain LOGIN; CREATE DATABASE annals_log OWNER plain", at: location)
            let migrator = try Migrator(directory: repositoryRoot + "/migrations/log", logger: .init(label: "tests"))
            var owner = location.target(database: "annals_log")
            owner.role = "plain"
            let target = owner
            let error = await #expect(throws: MigrationError.self) { try await migrator.migrate(target) }
            let line = "\(try #require(error))"
            #expect(line.contains("a superuser must run: CREATE ROLE annals_commands; GRANT annals_commands TO plain;"))
            let statements = try #require(line.components(separatedBy: "must run: ").last)
            try await execute(statements, at: location)
            #expect(try await migrator.migrate(target).count == 1)
        }
    }

    @Test func `an owner who may make roles needs nobody else, be it on clusters apart`() async throws { try await ownerWhoMayMakeRoles() }

    @Test(arguments: ["", "--no-owner --no-privileges"]) func `gives dumps that were restored into a new cluster their roles and rights`(
        options: String
    ) async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: first.api).signedUp("ann")
            let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
            // No view is recorded, which might come between the dumps.
            _ = try await ann.call(.GET, "/posts/by-slug/kept", headers: ["Wait-For-Position": posted.position, "DNT": "1"])
            let location = try #require(PrivateServer.locate(directory: directory + "/postgres"))
            for name in ["identity", "log", "vault", "read"] {
                let said = try await Shell.run(
                    "pg_dump \(options) -h \(location.socketFolder) -p \(location.port) -U postgres -f \(directory)/\(name).sql annals_\(name)")
                #expect(said == "")
            }
            _ = await first.interrupt()

            try await withServer { new in
                try await withDatabases(at: new) { urls in
                    for name in ["identity", "log", "vault", "read"] {
                        _ = try await Shell.run(
                            "psql -q -h \(new.socketFolder) -p \(new.port) -U postgres -f \(directory)/\(name).sql annals_\(name)")
                    }
                    let second = try await RunningSystem(dataDirectory: directory, environment: urls)
                    let client = Client(base: second.api)
                    let login = try await client.call(.POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
                    #expect(login.status == 200)
                    let again = Client(base: second.api, token: login.data["accessToken"]?.text)
                    let more = try await again.call(.POST, "/posts", json: #"{"title":"More","content":"x","publish":true}"#)
                    #expect(more.status == 201)
                    let list = try await client.call(.GET, "/posts", headers: ["Wait-For-Position": more.position])
                    #expect(list.json["pagination"]?["total"]?.int == 2)
                    #expect(await second.interrupt() == 0)
                }
            }
        }
    }

    @Test func `says the server's own words when it has no connection left`() async throws {
        try await withServer(settings: "max_connections = 8\nsuperuser_reserved_connections = 1\n") { location in
            try await withDatabases(at: location) { urls in
                try await withDataDirectory { directory in
                    let log = "\(directory).log"
                    defer { try? FileManager.default.removeItem(atPath: log) }
                    let launch = try Launch(["up", "--port", "0", "--data-dir", directory], environment: urls, logFile: log)
                    // It may come up on so few, or give up: the log names the cause either way, if not at once.
                    _ = await launch.nextLine()
                    var said = ""
                    func isTold() throws -> Bool {
                        said = try String(contentsOfFile: log, encoding: .utf8)
                        return said.contains("too many clients") || said.contains("remaining connection slots")
                    }
                    try await eventually { try isTold() || !launch.process.isRunning }
                    launch.process.interrupt()
                    await launch.process.waitForExit()
                    let isKnown = try isTold()
                    #expect(isKnown, "\(said)")
                    #expect(!said.contains("PostgresError(connection)"))
                }
            }
        }
    }

    @Test func `refuses a server that may lose in a crash what was acknowledged, but for tests that allow it`() async throws {
        try await withServer { location in
            try await withDatabases(at: location) { urls in
                try await withDataDirectory { directory in
                    for (allowed, off) in [("", "fsync and full_page_writes"), ("fsync", "full_page_writes"), ("full_page_writes", "fsync")] {
                        let settings = urls.merging(["ANNALS_DATABASES_MAY_LACK": allowed]) { $1 }
                        let line = try await refusedStart(in: directory, environment: settings)
                        #expect(line.hasPrefix("annals: the server of the log database has \(off) off, so a crash of its"), "\(line)")
                        let migrated = try await Launch.run(["migrate", "--data-dir", directory], environment: settings)
                        #expect(migrated.code == 1 && migrated.output.contains("has \(off) off"), "\(migrated.output)")
                    }
                    let log = "\(directory).log"
                    let system = try await RunningSystem(dataDirectory: directory, environment: urls, logFile: log)
                    #expect(await system.interrupt() == 0)
                    let said = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").filter { $0.contains("may lose or damage") }
                    #expect(said.count == 1)
                    #expect(said.first?.contains("log: fsync, full_page_writes; read: fsync, full_page_writes; identity:") == true)
                    try FileManager.default.removeItem(atPath: log)
                }
            }
        }
    }

    @Test func `goes on where a server comes to that later, is not ready, and is refused the next time`() async throws {
        try await withServer(settings: "fsync = on\nfull_page_writes = on\n") { location in
            try await withDatabases(at: location) { urls in
                try await withDataDirectory { directory in
                    let settings = urls.merging(["ANNALS_DATABASES_MAY_LACK": ""]) { $1 }
                    let system = try await RunningSystem(dataDirectory: directory, environment: settings)
                    let ann = try await Client(base: system.api).signedUp("ann")
                    try await execute("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()", at: location)
                    // On a busy machine a slow answer counts as down.
                    try await eventually {
                        let ready = try await Client(base: system.api).call(.GET, "http://127.0.0.1:\(system.port)/ready")
                        let checks = ready.json["checks"]
                        return ready.status == 503 && checks?["durability"]?["status"]?.text == "down" && checks?["log"]?["status"]?.text == "up"
                    }
                    let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Taken","content":"x"}"#)
                    #expect(posted.status == 201)
                    #expect(await system.interrupt() == 0)
                    let line = try await refusedStart(in: directory, environment: settings)
                    #expect(line.contains("the server of the log database has fsync off"), "\(line)")
                }
            }
        }
    }

    @Test(arguments: [
        ("log", "DROP TRIGGER events_are_append_only ON log.events", "gone is the trigger events_are_append_only of log.events"),
        (
            "log", "ALTER TABLE log.merkle_checkpoints ENABLE TRIGGER checkpoints_are_append_only",
            "off is the trigger checkpoints_are_append_only of log.merkle_checkpoints"
        ), ("vault", "ALTER TABLE vault.data_keys DISABLE TRIGGER data_keys_stay", "off is the trigger data_keys_stay of vault.data_keys"),
    ]) func `refuses one that may be changed where nothing ever is`(name: String, harm: String, told: String) async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            try await first.execute(harm, in: "annals_\(name)")
            _ = await first.interrupt()
            let line = try await refusedStart(in: directory)
            #expect(line.hasPrefix("annals: the \(name) database: \(told)") && line.contains("ENABLE ALWAYS TRIGGER"), "\(line)")
        }
    }

    /// The settings of a role in a database, in order.
    private func settings(of role: String, in database: String, at location: PrivateServer.Location) async throws -> [String] {
        let statement = Statement(
            "role_settings",
            """
            SELECT lower(split_part(setting, '=', 1)) || '=' || split_part(setting, '=', 2)
            FROM pg_db_role_setting, unnest(setconfig) AS setting
            WHERE setrole = $1::text::regrole AND setdatabase = (SELECT oid FROM pg_database WHERE datname = $2)
            """)
        return try await ConnectionPool.withPool(location.target(database: "postgres"), limits: .patient, logger: .init(label: "tests")) {
            try await $0.query(statement, [.text(role), .text(database)]).map { try $0.get(0, as: String.self) }.sorted()
        }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A data folder` {
    @Test(.enabled(if: geteuid() == 0, "giving a folder away takes root"), arguments: ["", "/keys", "/keys/master.key"])
    func `of another account is refused with its name`(part: String) async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = await first.interrupt()
            chown(directory + part, 12_345, 12_345)
            let line = try await refusedStart(in: directory)
            #expect(line.hasPrefix("annals: \(directory)\(part) belongs to the user 12345"))
        }
    }

    @Test func `that every user may write to is refused`() async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            chmod(directory, 0o777)
            let line = try await refusedStart(in: directory)
            #expect(line.hasPrefix("annals: every user of this machine may write to \(directory)"))
        }
    }
}
