import ArgumentParser
import EventSourcing
import FoundationEssentials
import JSON
import Postgres

extension Users {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts, oldest first, as the read model has them.")

        @OptionGroup var flags: SettingsFlags

        @Flag(help: "Print one JSON object a line.")
        var json = false

        func run() async throws {
            let operation = try await Operation.begin(flags)
            let output = StandardOutput()
            try await operation.withPool("read", operation.databases.read.acting(as: "annals_queries")) { pool in
                if !json { try await output.write([ListedUser.heading]) }
                var last: ListedUser?
                repeat {
                    let page = try await pool.query(
                        .listUsers, [.timestamp(last?.createdAt.milliseconds ?? .min), .uuid(last?.id ?? UUID(high: 0, low: 0))]
                    )
                    .map(ListedUser.init)
                    try await output.write(page.map { json ? JSONValue.object($0.json).serialized : $0.line })
                    last = page.last
                } while last != nil
            }
        }
    }
}

/// An account as the list shows it. Its personal parts are missing once it is closed.
private struct ListedUser {
    static let heading = line("ID", "ROLE", "STATUS", "CREATED", "USERNAME", "EMAIL")

    let id: UUID
    let username: String?
    let email: String?
    let role: String
    let status: String
    let createdAt: Timestamp

    init(_ row: Row) throws {
        id = try row.get(0)
        username = try row.get(1)
        email = try row.get(2)
        role = try row.get(3)
        status = try row.get(4)
        createdAt = Timestamp(milliseconds: try row.milliseconds(5))
    }

    var line: String { Self.line(id.lowercased, role, status, "\(createdAt)", username ?? "-", email ?? "-") }

    var json: JSONObject {
        [
            "id": .string(id.lowercased), "username": username.map(JSONValue.string) ?? .null, "email": email.map(JSONValue.string) ?? .null,
            "role": .string(role), "status": .string(status), "createdAt": .string("\(createdAt)"),
        ]
    }

    /// Columns of fixed widths, since the list may be longer than memory. Names and addresses can't hold control characters.
    private static func line(_ id: String, _ role: String, _ status: String, _ created: String, _ username: String, _ email: String) -> String {
        let cells = [(id, 38), (role, 7), (status, 13), (created, 26), (username, 32)]
        return cells.map { $0.0 + String(repeating: " ", count: max(1, $0.1 - $0.0.count)) }.joined() + email
    }
}

extension Statement {
    fileprivate static let listUsers = Statement(
        "list_users",
        """
        SELECT id, username, email, role, status, created_at FROM users.account
        WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT 1000
        """)
}
