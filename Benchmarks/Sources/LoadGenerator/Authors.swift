import EventLog
import EventSourcing
import FoundationEssentials
import Publishing
import Vault

/// The accounts whose posts are appended: each has a key in the vault and holds its `active` claim, as a registered user does.
enum Authors {
    /// Always the same, so that a later run finds those of an earlier one.
    static let all: [UUID] = (0..<100).compactMap { number in
        UUID(lowercase: "0198f000-0000-7000-8000-0000000000" + (number < 16 ? "0" : "") + String(number, radix: 16))
    }

    static func register(in log: MeasuredLog) async throws {
        for (number, author) in all.enumerated() {
            try await log.vault.createKey(for: author)
            let event = UserEvent.registered(
                username: .known("author\(number)"), email: .known("author\(number)@example.org"), role: .user)
            let stream = StreamName(UserRules.category, author)
            let command = CommandReceipt.Key.unrepeated()
            _ = try await log.store.append(
                AppendRequest(
                    [StreamAppend([UserRules.encode(event)], to: stream, expecting: .none, sealedFor: author)],
                    claims: UserRules.claims(for: [event], in: UserRules.initialState, on: stream), command: command,
                    metadata: EventMetadata(actor: author, command: command.id)))
        }
    }
}
