import EventSourcing
import FoundationEssentials
import JSON
import Vault

/// In which form a store's readers get events.
package enum EventForm: Sendable {
    /// Personal fields opened, or null where their key is destroyed or not at hand; data in its type's newest version. An unknown type or version is
    /// an error.
    case opened
    /// As the log stores it: personal fields sealed, data in the version it was written in, of any type. Needs no vault.
    case stored
}

/// Seals events on their way into the log and opens them on their way out.
struct SealingEdge: Sendable {
    let vault: KeyVault?
    let hasher: (any KeyedHasher)?
    let catalog: EventCatalog
    let form: EventForm

    /// A request in the form in which the log stores it.
    func seal(_ request: AppendRequest) async throws -> SealedRequest {
        try request.validate()
        var appends: [SealedRequest.Append] = []
        for append in request.appends { appends.append(try await seal(append)) }
        let holder = appends[0].name
        return SealedRequest(
            command: request.command, appends: appends, claims: try request.claims.map { try seal($0, of: holder) },
            metadata: JSONValue.object(request.metadata.json).serialized)
    }

    /// Stored events as their readers get them, in order. One query for the keys of a page, and one more where a key is damaged. What does not open
    /// is a mark on its event: one bad key or box is the trouble of its person, and nobody else's.
    func open(_ events: [RecordedEvent]) async throws -> [RecordedEvent] {
        switch form {
        case .stored: return events
        case .opened: break
        }
        guard let vault else { return try events.map { try opened($0, with: .destroyed) } }
        let subjects = events.map { EventSealing.subject(of: $0.data) }
        let keys = try await vault.knownKeys(of: Set(subjects.compactMap(\.self)))
        return try zip(events, subjects).map { event, subject in
            guard event.data[EventSealing.member] != nil else { return try recorded(event, event.data) }
            guard let subject else { return try unopened(event, .sealDamaged) }
            switch keys[subject] {
            case nil: return try unopened(event, .keyMissing)
            case .damaged: return try unopened(event, .keyDamaged)
            case .usable(let key): return try opened(event, with: .usable(key))
            case .destroyed: return try opened(event, with: .destroyed)
            }
        }
    }

    private func opened(_ event: RecordedEvent, with key: KeyVault.DataKey) throws -> RecordedEvent {
        let clear: JSONObject
        do {
            clear = try EventSealing.open(event.data, with: key, stream: event.stream, event: event.id)
        } catch {
            return try unopened(event, .sealDamaged)
        }
        return try recorded(event, clear)
    }

    private func unopened(_ event: RecordedEvent, _ reason: UnopenedReason) throws -> RecordedEvent {
        let fields = EventSealing.sealedFields(of: event.data) ?? catalog[event.type]?.personalFields ?? []
        return try recorded(event, EventSealing.withheld(event.data, fields: fields), unopened: Unopened(fields: Set(fields), reason: reason))
    }

    private func recorded(_ event: RecordedEvent, _ clear: JSONObject, unopened: Unopened? = nil) throws -> RecordedEvent {
        let (version, data) = try catalog.upcast(event.type, version: event.schemaVersion, data: clear)
        return event.with(schemaVersion: version, data: data, unopened: unopened)
    }

    private func seal(_ append: StreamAppend) async throws -> SealedRequest.Append {
        var events: [SealedRequest.Event] = []
        for event in append.events {
            guard let schema = catalog[event.type], schema.version == event.schemaVersion else {
                throw UnknownEvent(type: event.type, version: event.schemaVersion)
            }
            let id = UUID.v7()
            let data = try await seal(event.data, personal: schema.personalFields, for: append.subject, stream: append.stream, event: id)
            let fields = event.data.names.joined(separator: " ")
            events.append(.init(id: id, type: event.type, schemaVersion: event.schemaVersion, data: data, fields: fields))
        }
        return SealedRequest.Append(stream: append.stream, name: append.stream.description, expected: append.expected, events: events)
    }

    private func seal(_ data: JSONObject, personal fields: [String], for subject: UUID?, stream: StreamName, event: UUID) async throws -> String {
        guard fields.contains(where: { data[$0] != nil }) else { return JSONValue.object(data).serialized }
        guard let vault, let subject else { throw EventStoreError.broken(reason: "personal fields on \(stream) have no subject to seal them for") }
        switch try await key(of: subject, in: vault) {
        case .usable(let key): return try EventSealing.seal(data, personal: fields, for: subject, with: key, stream: stream, event: event)
        case .destroyed: throw EventStoreError.subjectUnknown(subject)
        case .damaged: throw EventStoreError.keyUnusable(subject)
        }
    }

    private func key(of subject: UUID, in vault: KeyVault) async throws -> KeyVault.DataKey {
        if let key = vault.keyInMemory(of: subject) { return key }
        do {
            return try await vault.keys(of: [subject])[subject] ?? .damaged
        } catch VaultError.keyUnknown, VaultError.keyDamaged {
            throw EventStoreError.keyUnusable(subject)
        }
    }

    private func seal(_ claim: ClaimChange, of holder: String) throws -> SealedRequest.Claim {
        switch claim {
        case .take(let kind, let value):
            guard let hasher else { throw EventStoreError.broken(reason: "this reader of the log takes no claims") }
            return .init(change: .take, kind: kind.rawValue, hash: hasher.hash([kind.rawValue, value]), stream: holder)
        case .release(let kind):
            return .init(change: .release, kind: kind.rawValue, hash: nil, stream: holder)
        case .require(let kind, let holder):
            return .init(change: .require, kind: kind.rawValue, hash: nil, stream: holder.description)
        }
    }
}
