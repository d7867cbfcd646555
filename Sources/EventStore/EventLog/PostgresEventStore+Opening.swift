package import EventSourcing

extension PostgresEventStore {
    /// Events that were read elsewhere in their stored form, as this store's own readers get them: personal fields opened, or null where their key is destroyed or not at
    /// hand; data in its type's newest version. One query at most for the keys. Throws `UnknownEvent` for a type or version that this program does not know.
    package func open(_ stored: [RecordedEvent]) async throws -> [RecordedEvent] {
        try await opened(stored.map(StoredEvent.init(recorded:)))
    }
}

extension StoredEvent {
    fileprivate init(recorded event: RecordedEvent) {
        self.init(
            position: event.position, stream: event.stream, version: event.version, id: event.id, type: event.type,
            schemaVersion: event.schemaVersion, data: event.data, metadata: event.metadata, recordedAt: event.recordedAt)
    }
}
