package import EventSourcing
import JSON
package import Redis

/// Redis Streams as a sink: one stream a category, `annals:events:<category>`, and in it each event under the id `<position>-0`, so Redis itself
/// refuses a double. The one field `event` holds the CloudEvent.
package struct RedisStreams: EventSink {
    package static let prefix = "annals:events:"
    private static let patience = Duration.seconds(10)

    package let name = "redis"
    package let batchSize = 100
    private let redis: RedisClient
    private let categories: [String]

    /// - Parameter catalog: names the categories that there can be.
    package init(_ redis: RedisClient, catalog: EventCatalog) {
        self.redis = redis
        categories = Set(catalog.schemas.values.map(\.category)).sorted()
    }

    package static func key(of category: String) -> String { prefix + category }

    package func end() async throws -> SinkEnd {
        // A group of consumers may have made an empty stream.
        guard let last = try await lastPlace(), last.position > 0 else { return .empty }
        return .position(last.position, event: try await event(at: last))
    }

    /// The highest id that any of the streams has given out, trimmed entries included. Events are added in the order of their positions, so the
    /// streams together have every event up to it.
    package func lastPosition() async throws -> Int64? { try await lastPlace()?.position }

    private func lastPlace() async throws -> OutgoingEvent.Place? {
        var last: OutgoingEvent.Place?
        for category in categories {
            guard let position = try await lastPosition(of: category), position >= last?.position ?? 0 else { continue }
            last = OutgoingEvent.Place(position: position, category: category)
        }
        return last
    }

    /// The id of the event that a stream ends with; nil when its entry was removed, or is in another form.
    private func event(at place: OutgoingEvent.Place) async throws -> String? {
        let reply = try await redis.send(
            RedisCommand("XREVRANGE", Self.key(of: place.category), "+", "-", "COUNT", "1"), within: Self.patience)
        guard let entry = reply.array?.first?.array, entry.count == 2, entry[0].text == "\(place.position)-0",
            let json = entry[1].member("event")?.text
        else { return nil }
        return (try? JSONValue.parse(json))?["id"]?.text
    }

    package func take(_ events: [OutgoingEvent], after last: OutgoingEvent.Place?) async throws {
        let before = last.map { [Self.key(of: $0.category), "\($0.position)-0"] } ?? ["", ""]
        let reply = try await redis.run(
            Self.adding, keys: events.map { Self.key(of: $0.place.category) },
            arguments: before + events.flatMap { ["\($0.place.position)-0", $0.json] }, within: Self.patience)
        guard let added = reply.integer, added >= 0 else { throw SinkMoved() }
    }

    /// Removes what stands before a position, about; and names the groups of consumers that have not come as far as `warnAt`. The last entry of all
    /// stays, however old: it says which event the streams end with.
    package func trim(before position: Int64, warnAt: Int64) async throws -> [SlowGroup] {
        let first = min(position, try await lastPosition() ?? position)
        var slow: [SlowGroup] = []
        for category in categories {
            guard try await lastPosition(of: category) != nil else { continue }
            let key = Self.key(of: category)
            for group in try await groups(of: key) where group.position < warnAt { slow.append(group) }
            _ = try await redis.send(RedisCommand("XTRIM", key, "MINID", "~", "\(first)-0"), within: Self.patience)
        }
        return slow
    }

    /// A group of consumers that is about to lose entries, or has lost some.
    package struct SlowGroup: Sendable, Equatable {
        package let stream: String
        package let group: String
        /// The last position that it was given.
        package let position: Int64
    }

    private func lastPosition(of category: String) async throws -> Int64? {
        do throws(RedisError) {
            let reply = try await redis.send(RedisCommand("XINFO", "STREAM", Self.key(of: category)), within: Self.patience)
            return reply.member("last-generated-id")?.text.flatMap { Self.position($0) }
        } catch {
            guard case .server(_, let message) = error, message.hasPrefix("no such key") else { throw error }
            return nil
        }
    }

    /// Only those with something left to read.
    private func groups(of key: String) async throws -> [SlowGroup] {
        let reply = try await redis.send(RedisCommand("XINFO", "GROUPS", key), within: Self.patience)
        let last = try await redis.send(RedisCommand("XREVRANGE", key, "+", "-", "COUNT", "1"), within: Self.patience).array?.first?.array?.first?
            .text
        return (reply.array ?? []).compactMap { group in
            guard let name = group.member("name")?.text, let id = group.member("last-delivered-id")?.text, let position = Self.position(id),
                id != last
            else { return nil }
            return SlowGroup(stream: key, group: name, position: position)
        }
    }

    private static func position(_ id: String) -> Int64? { id.split(separator: "-").first.flatMap { Int64($0) } }

    /// Adds a batch in one step, if the stream of the event before still ends with that: else -1. An entry that is there already is passed over.
    private static let adding = RedisScript(
        """
        if ARGV[1] ~= '' then
            local info = redis.pcall('XINFO', 'STREAM', ARGV[1])
            if info.err then return -1 end
            local last
            for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end
            if last ~= ARGV[2] then
                -- A try before this one whose answer was lost.
                local ours = false
                for i = 1, #KEYS do if KEYS[i] == ARGV[1] and ARGV[1 + 2 * i] == last then ours = true end end
                if not ours then return -1 end
            end
        end
        local added = 0
        for i = 1, #KEYS do
            local reply = redis.pcall('XADD', KEYS[i], ARGV[1 + 2 * i], 'event', ARGV[2 + 2 * i])
            if type(reply) == 'table' and reply.err then
                if not string.find(reply.err, 'equal or smaller', 1, true) then return redis.error_reply(reply.err) end
            else
                added = added + 1
            end
        end
        return added
        """)
}

extension RedisReply {
    /// The value of a name in a flat list of names and values.
    fileprivate func member(_ name: String) -> RedisReply? {
        guard let list = array else { return nil }
        for index in stride(from: 0, to: list.count - 1, by: 2) where list[index].text == name { return list[index + 1] }
        return nil
    }
}
