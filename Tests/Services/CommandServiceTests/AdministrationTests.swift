import AccessTokens
import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import Testing

/// An admin's commands on another's account.
private enum Order: String, CaseIterable, CustomTestStringConvertible {
    case role
    case deactivate
    case reactivate

    var testDescription: String { rawValue }
    var method: HTTPRequest.Method { self == .role ? .put : .post }
    var body: String? { self == .role ? #"{"role":"admin"}"# : nil }
    func path(_ id: UUID) -> String { "/api/v1/users/\(id.lowercased)/\(rawValue)" }
}

@Suite(.timeLimit(.minutes(5))) struct `An admin` {
    @Test func `gives and takes roles, and the circle of admins follows`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            let given = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"admin"}"#, by: root)
            #expect(given.status == 200)
            #expect(given.text == #"{"data":{"id":"\#(ann.id.lowercased)","role":"admin","status":"active","version":2}}"#)
            #expect(given.headers[.eTag] == "\"2\"" && given.position == given.events.last?.position)
            #expect(given.happened == ["UserRoleChanged", "AdminAdded"])
            #expect(given.events.map(\.metadata.actor) == [root.id, root.id])
            let again = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"admin"}"#, by: root)
            #expect(again.status == 200 && again.happened == [])
            let taken = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"user"}"#, by: root)
            #expect(taken.status == 200 && taken.happened == ["UserRoleChanged", "AdminRemoved"])
        }
    }

    @Test func `deactivates and reactivates`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            let out = try await newsroom.call(.post, Order.deactivate.path(ann.id), by: root)
            #expect(out.status == 200 && out.data?["status"]?.text == "deactivated" && out.happened == ["UserDeactivated"])
            #expect(try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann).status == 401)
            let back = try await newsroom.call(.post, Order.reactivate.path(ann.id), "{}", by: root)
            #expect(back.status == 200 && back.data?["status"]?.text == "active" && back.happened == ["UserReactivated"])
            #expect(try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann).status == 201)
        }
    }

    @Test func `who is deactivated leaves the circle, and comes back with the reactivation`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.admin("ann"))
            #expect(try await newsroom.call(.post, Order.deactivate.path(ann.id), by: root).happened == ["UserDeactivated", "AdminRemoved"])
            #expect(try await newsroom.call(.post, Order.deactivate.path(root.id), by: root).code == "CONFLICT")
            #expect(try await newsroom.call(.post, Order.reactivate.path(ann.id), by: root).happened == ["UserReactivated", "AdminAdded"])
            #expect(try await newsroom.call(.post, Order.deactivate.path(root.id), by: root).status == 200)
        }
    }

    @Test func `can't lose the last role of the kind, by either way`() async throws {
        try await Newsroom.open { newsroom in
            let root = try await newsroom.admin("root")
            for reply in [
                try await newsroom.call(.put, Order.role.path(root.id), #"{"role":"user"}"#, by: root),
                try await newsroom.call(.post, Order.deactivate.path(root.id), by: root),
            ] {
                #expect(reply.status == 409 && reply.code == "CONFLICT" && reply.happened == [])
            }
            await #expect(throws: AdminRefusal.lastAdmin) { try await newsroom.administer(.close, root.id, by: .owner) }
            await #expect(throws: AdminRefusal.lastAdmin) { try await newsroom.administer(.deactivate, root.id, by: .server) }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `is left over when all demote each other at once`() async throws {
        try await Newsroom.open { newsroom in
            var admins: [Newsroom.Person] = []
            for number in 0..<6 { admins.append(try await newsroom.admin("admin\(number)")) }
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for (number, admin) in admins.enumerated() {
                    let next = admins[(number + 1) % admins.count]
                    group.addTask { try await newsroom.send(.put, Order.role.path(next.id), #"{"role":"user"}"#, by: admin) }
                    group.addTask { try await newsroom.send(.post, Order.deactivate.path(next.id), by: admin) }
                }
                return try await group.reduce(into: [Reply]()) { $0.append($1) }
            }
            // The admin who was demoted or deactivated first can do nothing more, whatever their token says.
            #expect(replies.allSatisfy { [200, 401, 403, 409, 503].contains($0.status) }, "\(replies.map(\.status))")
            let circle = AdminRules.fold(try await newsroom.events(of: AdminRules.stream).map(AdminRules.decode))
            var acting: Set<UUID> = []
            for admin in admins {
                if UserRules.fold(try await newsroom.events(of: admin.stream).map(UserRules.decode)).actsAsAdmin { acting.insert(admin.id) }
            }
            #expect(!circle.isEmpty && circle == acting)
        }
    }

    @Test func `names a version, and a race with another's order is told`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            #expect(try await newsroom.call(.post, Order.deactivate.path(ann.id), by: root, headers: .ifMatch("\"7\"")).status == 412)
            #expect(try await newsroom.call(.post, Order.deactivate.path(ann.id), by: root, headers: .ifMatch("\"1\"")).status == 200)
        }
    }

    @Test func `repeats an order under a key without a second event`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            let headers = HTTPFields.idempotencyKey("k1")
            let first = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"admin"}"#, by: root, headers: headers)
            _ = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"user"}"#, by: root)
            let again = try await newsroom.call(.put, Order.role.path(ann.id), #"{"role":"admin"}"#, by: root, headers: headers)
            #expect(again.isReplay && again.repeatable == first.repeatable && again.happened == [])
        }
    }

    @Test func `learns of users that are not there, or not any more`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            try await newsroom.order(.close, for: ann)
            for order in Order.allCases {
                #expect(try await newsroom.call(order.method, order.path(.v7()), order.body, by: root).status == 404)
                let closed = try await newsroom.call(order.method, order.path(ann.id), order.body, by: root)
                #expect(closed.status == 409 && closed.happened == [])
                #expect(try await newsroom.call(order.method, "/api/v1/users/x/\(order.rawValue)", order.body, by: root).status == 400)
            }
        }
    }

    @Test(arguments: [#"{}"#, #"{"role":"root"}"#, #"{"role":1}"#, #"{"role":"admin","id":"x"}"#])
    func `names a role that there is, and nothing else`(
        body: String
    ) async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            let reply = try await newsroom.call(.put, Order.role.path(ann.id), body, by: root)
            #expect(reply.status == 422 && reply.code == "VALIDATION_ERROR" && reply.happened == [])
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Becoming an admin by oneself` {
    @Test func `is no right of users`() async throws {
        try await Newsroom.open { newsroom in
            let (_, ann, bob) = (try await newsroom.admin("root"), try await newsroom.person("ann"), try await newsroom.person("bob"))
            for target in [ann, bob] {
                for order in Order.allCases {
                    let reply = try await newsroom.call(order.method, order.path(target.id), order.body, by: ann)
                    #expect(reply.status == 403 && reply.code == "FORBIDDEN" && reply.happened == [])
                    #expect(try await newsroom.call(order.method, order.path(target.id), order.body).status == 401)
                }
            }
        }
    }

    @Test func `does not come from a token that says admin`() async throws {
        try await Newsroom.open { newsroom in
            _ = try await newsroom.admin("root")
            let (ann, bob) = (try await newsroom.person("ann", role: .admin), try await newsroom.person("bob"))
            for target in [ann, bob] {
                for order in Order.allCases {
                    let reply = try await newsroom.call(order.method, order.path(target.id), order.body, by: ann)
                    #expect(reply.status == 403 && reply.happened == [], "\(order.rawValue)")
                }
            }
        }
    }

    @Test func `does not come from a member of another request`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let role = #""role":"admin""#
            for (method, path, body) in [
                (HTTPRequest.Method.patch, "/api/v1/users/me", "{\(role)}"), (.patch, "/api/v1/users/me", #"{"bio":"B",\#(role)}"#),
                (.patch, "/api/v1/users/me", #"{"status":"active","type":"UserRoleChanged","events":[{"type":"UserRoleChanged"}]}"#),
                (.post, "/api/v1/posts", #"{"title":"A","content":"B",\#(role)}"#), (.patch, post.path, #"{"title":"A",\#(role)}"#),
                (.post, "\(post.path)/publish", "{\(role)}"), (.post, "\(post.path)/unpublish", "{\(role)}"), (.delete, post.path, "{\(role)}"),
            ] {
                let reply = try await newsroom.call(method, path, body, by: ann)
                #expect(reply.status == 422 && reply.code == "VALIDATION_ERROR" && reply.happened == [], "\(method) \(path)")
            }
            let registered = try await newsroom.register(#""username":"eve","email":"eve@example.org","role":"admin""#)
            #expect(registered.status == 422 && registered.happened == [])
        }
    }

    @Test func `does not come from events: whatever a user commands, none of those that make an admin is appended`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let head = try await newsroom.log.store.head()
            let post = try await newsroom.post(by: ann)
            for command in KeyedCommand.allCases {
                let call = command.call(on: post)
                // Also the calls that only services may make, and roads that lead nowhere.
                _ = try await newsroom.send(call.method, call.path, call.body, by: ann)
            }
            let event = #"{"stream":"user-\#(ann.id.lowercased)","type":"UserRoleChanged","data":{"role":"admin"},"views":[]}"#
            for path in ["/internal/views", "/internal/users", "/api/v1/events", "/api/v1/users/\(ann.id.lowercased)/events", "/internal/append"] {
                let reply = try await newsroom.call(.post, path, event, by: ann)
                #expect(reply.status == 404 && reply.happened == [], "\(path)")
            }
            let types = Set(try await newsroom.log.store.read(after: head, limit: 1000).map(\.type))
            #expect(types.isDisjoint(with: ["UserRoleChanged", "AdminAdded", "AdminRemoved", "UserRegistered"]))
        }
    }
}

extension Newsroom {
    /// Registers somebody and makes them an admin, as the operator does.
    fileprivate func admin(_ name: String) async throws -> Person {
        let person = try await person(name, role: .admin)
        try await administer(.changeRole(.admin), person.id, by: .server)
        return person
    }

    fileprivate func administer(_ command: UserCommand, _ user: UUID, by authority: Authority) async throws {
        _ = try await Administration(store: log.store).handle(command, on: user, by: authority, in: .ofTheSystem())
    }
}
