package import EventSourcing
import FoundationEssentials
import JSON
import Testing

/// One promise of `EventStore`, and how it is checked. The store may hold other events already, but nobody else writes to it meanwhile.
package struct EventStorePromise: Sendable, CustomTestStringConvertible {
    let name: String
    let check: @Sendable (any EventStore) async throws -> Void

    package var testDescription: String { name }

    init(_ name: String, _ check: @escaping @Sendable (any EventStore) async throws -> Void) {
        self.name = name
        self.check = check
    }

    /// Checks the promise; what is broken is recorded as an issue of the running test.
    package func check(of store: any EventStore) async throws { try await check(store) }
}

/// The contract of every event store. Run it with `@Test(arguments: EventStoreContract.promises)`.
package enum EventStoreContract {
    package static let promises =
        expectationPromises + versionPromises + streamPromises + repeatPromises + claimPromises + readerPromises + streamReadPromises
        + logReadPromises

    /// The events that the checks append; a store that looks types up must know them.
    package static let catalog = EventCatalog([
        EventSchema("Noted", in: "contract", [.open("note", .text)]), EventSchema("Marked", in: "contract", []),
        EventSchema("Filed", in: "archive", []),
    ])

    package static func stream() -> StreamName { StreamName("contract", .v7()) }

    package static func notes(_ texts: [String]) -> [NewEvent] {
        texts.map { NewEvent(type: "Noted", schemaVersion: 1, data: ["note": .string($0)]) }
    }

    /// So many bytes of text that does not compress.
    static func noise(_ bytes: Int) -> String {
        var random = SystemRandomNumberGenerator()
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return String(
            decoding: (0..<bytes / 8).flatMap { _ in
                let bits = UInt64.random(in: .min ... .max, using: &random)
                return (0..<8).map { letters[Int(bits >> ($0 * 6) & 63)] }
            }, as: UTF8.self)
    }

    package static func request(
        _ texts: [String] = ["a"], to stream: StreamName, expecting expected: ExpectedVersion = .any, claims: [ClaimChange] = [],
        command: CommandReceipt.Key = .unrepeated()
    ) -> AppendRequest {
        AppendRequest(
            [StreamAppend(notes(texts), to: stream, expecting: expected, sealedFor: nil)], claims: claims, command: command,
            metadata: EventMetadata(command: command.id))
    }

    /// All outcomes of requests sent at once.
    package static func outcomes(of requests: [AppendRequest], in store: any EventStore) async throws -> [AppendOutcome] {
        try await withThrowingTaskGroup(of: AppendOutcome.self) { group in
            for request in requests { group.addTask { try await store.append(request) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension AppendOutcome {
    /// The receipt when the request was appended now.
    package var appended: CommandReceipt? {
        if case .appended(let receipt) = self { receipt } else { nil }
    }
}
