import EventSourcing
package import FoundationEssentials
package import JSON

/// Tokens that are revoked before they expire, as the auth service's feed tells them.
package struct Revocations: Sendable, Equatable {
    /// Sessions that ended: signed out, a refresh token used twice, another password.
    package var sessions: Set<UUID>
    /// Users whose tokens are revoked when they are of a lower version of the user's stream: deactivated, closed, or given another role since.
    package var users: [UUID: Int]
    /// Keys that were withdrawn, all there ever were: somebody else may sign with them.
    package var keys: Set<String>

    package init(sessions: Set<UUID> = [], users: [UUID: Int] = [:], keys: Set<String> = []) {
        self.sessions = sessions
        self.users = users
        self.keys = keys
    }
}

/// One answer of the feed.
package struct RevocationUpdate: Sendable, Equatable {
    /// Where the next request goes on; only the auth service can read it.
    package let cursor: String
    /// The revocations since the cursor that was asked with; some may have been told before.
    package let revocations: Revocations

    package init(cursor: String, revocations: Revocations) {
        self.cursor = cursor
        self.revocations = revocations
    }

    /// Reads the feed's `data`; nil when it has another form.
    package init?(_ data: JSONValue) {
        guard let cursor = data["cursor"]?.text, case .array(let sessions)? = data["sessions"], case .array(let users)? = data["users"],
            case .array(let keys)? = data["keys"]
        else { return nil }
        var revocations = Revocations()
        for session in sessions {
            guard let id = session.text.flatMap({ UUID(lowercase: $0) }) else { return nil }
            revocations.sessions.insert(id)
        }
        for user in users {
            guard let id = user["id"]?.text.flatMap({ UUID(lowercase: $0) }), let before = user["before"]?.int.flatMap({ Int(exactly: $0) }) else {
                return nil
            }
            revocations.users[id] = before
        }
        for key in keys {
            guard let kid = key.text else { return nil }
            revocations.keys.insert(kid)
        }
        self.init(cursor: cursor, revocations: revocations)
    }

    /// The feed's `data`: `{"cursor", "sessions": [id], "users": [{"id", "before"}], "keys": [kid]}`.
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.name("cursor")
            $0.string(cursor)
            $0.name("sessions")
            $0.array { for session in revocations.sessions { $0.string(session.lowercased) } }
            $0.name("users")
            $0.array {
                for (user, before) in revocations.users {
                    $0.object {
                        $0.name("id")
                        $0.string(user.lowercased)
                        $0.name("before")
                        $0.integer(before)
                    }
                }
            }
            $0.name("keys")
            $0.array { for kid in revocations.keys { $0.string(kid) } }
        }
    }
}
