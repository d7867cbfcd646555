package import Logging

/// The properties that a database must have before the program works on it.
package struct DatabaseRequirements: Sendable {
    /// How messages name the database.
    let name: String
    /// The schema that the program's tables are in.
    let schema: String
    /// The roles that have rights in it.
    let roles: [String]

    package init(name: String, schema: String, roles: [String]) {
        self.name = name
        self.schema = schema
        self.roles = roles
    }

    /// Checks encoding, roles, their rights and the clock. Makes roles and grants them to the login where they are missing and it may. Throws
    /// `DatabaseFault` with one line that says what to do. A clock that differs from this machine's is only logged.
    package func confirm(_ target: ConnectionTarget, logger: Logger) async throws {
        var limits = PoolLimits()
        limits.maximumConnections = 1
        limits.prepare = .unnamed
        do {
            try await ConnectionPool.withPool(target, limits: limits, logger: logger) { pool in
                let state = try await state(pool, logger)
                guard state.encoding == "UTF8" else {
                    throw DatabaseFault(
                        "\(place(target)) has the encoding \(state.encoding), not UTF8: make another with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8', "
                            + "and restore a dump of this one into it")
                }
                try await provideRoles(state, target, pool)
                try await confirmRights(target, pool)
                if target.pooling == .transaction { try await pinSettings(target, pool) }
            }
        } catch let error as PostgresError {
            throw DatabaseFault(self, target, error)
        }
    }

    private func state(_ pool: ConnectionPool, _ logger: Logger) async throws -> DatabaseState {
        let begin = Int64(UnixTime.milliseconds)
        guard let row = try await pool.query(.databaseState, [.texts(roles)]).first else { throw DatabaseFault("\(name): no answer") }
        let state = DatabaseState(
            encoding: try row.get(0), login: try row.get(1), missingRoles: try row.get(2), foreignRoles: try row.get(3))
        let (clock, end) = (try row.milliseconds(4), Int64(UnixTime.milliseconds))
        // The server has read its clock between the two moments.
        let lead = clock > end ? clock - end : clock < begin ? clock - begin : 0
        if abs(lead) > Self.tolerableLead {
            logger.warning(
                "the database's clock differs from this machine's: set both by NTP",
                metadata: ["database": "\(name)", "ahead": "\(lead / 1000) s"])
        }
        return state
    }

    /// Milliseconds.
    private static let tolerableLead: Int64 = 10_000

    private func provideRoles(_ state: DatabaseState, _ target: ConnectionTarget, _ pool: ConnectionPool) async throws {
        // Through a pooler in transaction mode each service logs in as its role, and the owner need not become it.
        let foreign = target.pooling == .transaction ? [] : state.foreignRoles
        let statements =
            state.missingRoles.map { "CREATE ROLE \($0) NOLOGIN" }
            + (state.missingRoles + foreign).map { "GRANT \($0) TO \(state.login.quotedIdentifier)" }
        if statements.isEmpty { return }
        do {
            try await pool.withSession { try await $0.execute(script: statements.joined(separator: ";")) }
        } catch let error as PostgresError {
            // Another start may be at it, too.
            if [.duplicateObject, .uniqueViolation].contains(error.sqlState) { return }
            guard error.sqlState == .insufficientPrivilege else { throw error }
            let lacks = state.missingRoles.isEmpty ? "may not act as \(list(foreign))" : "may not make the roles \(list(state.missingRoles))"
            throw DatabaseFault(
                "\(place(target)): the login \(state.login) \(lacks). As a superuser, run: \(statements.joined(separator: "; "))")
        }
    }

    private func confirmRights(_ target: ConnectionTarget, _ pool: ConnectionPool) async throws {
        let without = try await pool.query(.rolesWithoutRights, [.texts(roles), .text(schema)]).map { try $0.get(0, as: String.self) }
        guard without.isEmpty else {
            throw DatabaseFault(
                "\(place(target)): the roles \(list(without)) have no rights in it, so its dump was restored before they existed. They exist now: "
                    + "drop the database, make it again and restore the dump")
        }
    }

    private func pinSettings(_ target: ConnectionTarget, _ pool: ConnectionPool) async throws {
        let (names, values) = (ConnectionTarget.pinnedSettings.map(\.0), ConnectionTarget.pinnedSettings.map(\.1))
        let statements = try await pool.query(.unpinnedSettings, [.texts(roles), .texts(names), .texts(values)]).map {
            try $0.get(0, as: String.self)
        }
        if statements.isEmpty { return }
        do {
            try await pool.withSession { try await $0.execute(script: statements.joined(separator: ";")) }
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            throw DatabaseFault(
                "\(place(target)): behind a pooler in transaction mode the roles need settings that the login may not make. As a superuser, run: "
                    + statements.joined(separator: "; "))
        }
    }

    /// How a message begins: which database, and where.
    func place(_ target: ConnectionTarget) -> String { "the \(name) database at \(target.redacted)" }

    private func list(_ roles: [String]) -> String { roles.joined(separator: ", ") }
}

private struct DatabaseState {
    let encoding: String
    let login: String
    let missingRoles: [String]
    /// Roles that are there and that the login may not become.
    let foreignRoles: [String]
}

extension Statement {
    /// From PostgreSQL 16 on, membership alone does not allow SET ROLE.
    fileprivate static let databaseState = Statement(
        "database_state",
        """
        SELECT
            current_setting('server_encoding'),
            current_user::text,
            ARRAY(SELECT wanted FROM unnest($1::text[]) AS wanted WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)),
            ARRAY(
                SELECT rolname::text FROM pg_roles
                WHERE rolname = ANY ($1)
                    AND NOT pg_has_role(oid, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
            ),
            clock_timestamp()
        """)

    /// None while the schema ($2) is not made.
    fileprivate static let rolesWithoutRights = Statement(
        "roles_without_rights",
        """
        SELECT rolname::text FROM pg_roles JOIN pg_namespace ON nspname = $2
        WHERE rolname = ANY ($1::text[]) AND NOT has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'USAGE')
        ORDER BY rolname
        """)

    /// The statements that give each role ($1) the settings ($2, $3) that it does not have in this database.
    fileprivate static let unpinnedSettings = Statement(
        "unpinned_settings",
        """
        SELECT format('ALTER ROLE %I IN DATABASE %I SET %I = %L', rolname, current_database(), pinned.name, pinned.value)
        FROM pg_roles CROSS JOIN unnest($2::text[], $3::text[]) AS pinned (name, value)
        WHERE rolname = ANY ($1::text[]) AND NOT EXISTS (
            SELECT FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
            WHERE datname = current_database() AND setrole = pg_roles.oid AND pinned.name || '=' || pinned.value = ANY (setconfig)
        )
        ORDER BY 1
        """)
}
