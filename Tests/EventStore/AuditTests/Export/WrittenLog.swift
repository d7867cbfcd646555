import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import Publishing
import Testing
import Vault

@testable import Audit

/// A log that ann and bob have written to: each has a user and a post, and ann's is published.
struct WrittenLog: Sendable {
    let log: LogUnderTest
    let ann: UUID
    let bob: UUID

    /// Words that nobody without a key may read.
    static let words = ["ann's title", "bob's title", "ann@example.org", "a \u{201C}quote\u{201D}\nand a line"]

    static func open(_ body: @Sendable (WrittenLog) async throws -> Void) async throws {
        try await LogUnderTest.open(.publishing) { log in
            let written = WrittenLog(log: log, ann: .v7(), bob: .v7())
            for (name, user) in [("ann", written.ann), ("bob", written.bob)] {
                try await log.vault.createKey(for: user)
                let registered = UserEvent.registered(username: .known(name), email: .known("\(name)@example.org"), role: .user)
                try await written.append(UserRules.encode(registered), to: StreamName(UserRules.category, user), by: user)
                let post = StreamName(PostRules.category, .v7())
                let drafted = PostEvent.drafted(author: user, title: .known("\(name)'s title"), slug: .known("slug"), content: .known(words[3]))
                try await written.append(PostRules.encode(drafted), to: post, by: user)
                if user == written.ann { try await written.append(PostRules.encode(.published(publishedAt: nil)), to: post, by: user) }
            }
            try await body(written)
        }
    }

    private func append(_ event: NewEvent, to stream: StreamName, by user: UUID) async throws {
        let command = CommandReceipt.Key.unrepeated()
        let metadata = EventMetadata(
            actor: user, command: command.id, correlation: "a call", causation: user,
            traceparent: "00-c95af9f395ec314abfd598258dbb9a65-4a84ad27752e40c3-01")
        let outcome = try await log.store.append(
            AppendRequest([StreamAppend([event], to: stream, expecting: .any, sealedFor: user)], claims: [], command: command, metadata: metadata))
        guard case .appended = outcome else { throw EventStoreError.broken(reason: "\(outcome)") }
    }

    /// Forgets a user, as only the auth service may.
    func forget(_ user: UUID) async throws {
        try await log.runInVault("UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(user.lowercased)'")
        log.vault.noteDestruction(of: user)
    }

    /// Exports into memory.
    func export(_ encoder: some ExportEncoder, _ filter: TrailFilter = TrailFilter(), limits: AuditTrail.Limits = AuditTrail.Limits()) async throws
        -> (text: String, summary: ExportSummary)
    {
        try await log.withPool(as: "annals_projector") { pool in
            var text: [UInt8] = []
            let summary = try await TrailExport(AuditTrail(pool), limits: limits).run(filter, as: encoder, to: { text += $0 })
            return (String(decoding: text, as: UTF8.self), summary)
        }
    }

    /// With personal data opened.
    func opened(_ form: EventTexts.Form) -> EventTexts {
        EventTexts(form, catalog: .publishing) { [store = log.store] in try await store.open($0) }
    }

    func sealed(_ form: EventTexts.Form) -> EventTexts { EventTexts(form, catalog: .publishing, opening: nil) }
}
