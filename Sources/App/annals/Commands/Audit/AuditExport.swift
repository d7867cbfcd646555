import ArgumentParser
import Audit
import EventLog
import EventSourcing
import FoundationEssentials
import HTTPContract
import Publishing

/// `annals audit export`: writes out the log or a part of it.
struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write events out as JSON lines or CloudEvents.",
        discussion: """
            The export ends where the log ends at its start. A file is there whole or not at all. The last line gives the number of events and the \
            SHA-256 of everything written.
            """)

    @OptionGroup var flags: SettingsFlags
    @OptionGroup var selection: EventTypeSelection

    @Option(help: "Only events recorded at this time or later, such as 2026-11-21T01:02:03Z.")
    var from: Timestamp?

    @Option(help: "Only events recorded at this time or earlier.")
    var to: Timestamp?

    @Option(help: "Only events after this position.")
    var after: Int64 = 0

    @Option(help: "Only events up to and including this position.")
    var until: Int64?

    @Option(help: "Only events of this stream.")
    var stream: StreamName?

    @Option(help: "Only events that this user caused.")
    var actor: UserID?

    @Option(help: "Only events of the call with this X-Request-ID. An id that is neither a UUID nor 32 hexadecimal digits needs the keys.")
    var correlation: String?

    @Option(help: "ndjson: one JSON object a line. cloudevents: one CloudEvent a line. cloudevents-batch: one JSON array of CloudEvents.")
    var format = Format.ndjson

    @Option(name: [.short, .long], help: "The file to write. (standard output)")
    var output: String?

    @Flag(
        help: "Leave personal data sealed. Needs no keys. A line of ndjson is then the event's canonical JSON, whose SHA-256 is in the Merkle tree.")
    var sealed = false

    @Flag(
        help: """
            Add to each event a proof that it is in the log, for `\(CommandName.of("audit verify"))`. Implies --sealed, and ends at the newest \
            checkpoint.
            """
    )
    var proofs = false

    @Option(help: "With --proofs: a file with a checkpoint that the reader has. The export then also proves that the log extends it.")
    var against: String?

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case ndjson
        case cloudevents
        case cloudeventsBatch = "cloudevents-batch"
    }

    func validate() throws {
        guard after >= 0, until ?? .max >= after else { throw ValidationError("positions count from 1, and --until is not below --after") }
        if let from, let to, to < from { throw ValidationError("--to is not before --from") }
        if stream != nil, selection.category != nil { throw ValidationError("--stream and --category don't go together") }
        guard proofs || against == nil else { throw ValidationError("--against goes with --proofs only") }
        guard !proofs || format == .ndjson else { throw ValidationError("--proofs goes with --format ndjson only") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let filter = try await filter(operation)
        let destination = try Destination(output)
        do {
            if proofs { try await exportWithProofs(filter, operation, to: destination) } else { try await export(filter, operation, to: destination) }
        } catch {
            destination.abandon()
            throw error
        }
    }

    private func export(_ filter: TrailFilter, _ operation: Operation, to destination: Destination) async throws {
        try await operation.readTrail(sealed ? .stored : .opened) { trail, opening in
            switch format {
            case .ndjson where sealed: try await export(filter, of: trail, as: SealedLines(), to: destination)
            case .ndjson: try await export(filter, of: trail, as: EventTexts(.lines, catalog: .annals, opening: opening), to: destination)
            case .cloudevents:
                try await export(filter, of: trail, as: EventTexts(.cloudEventLines, catalog: .annals, opening: opening), to: destination)
            case .cloudeventsBatch:
                try await export(filter, of: trail, as: EventTexts(.cloudEventBatch, catalog: .annals, opening: opening), to: destination)
            }
        }
    }

    private func exportWithProofs(_ filter: TrailFilter, _ operation: Operation, to destination: Destination) async throws {
        let own = try against.map(readCheckpoint)?.checkpoint
        try await operation.withMerkleLog { log in
            if let own { try await log.confirmBeginning(own) }
            let checkpoint = try await log.newestCheckpoint()
            try operation.confirmSigned(checkpoint)
            let size = checkpoint.checkpoint.size
            if let until, until > size { throw Failure("the newest checkpoint covers \(size) events, not position \(until)") }
            if let own, own.size > size {
                throw Failure("the checkpoint is of \(own.size), but the log's newest is of \(size)", code: .difference)
            }
            var filter = filter
            filter.until = min(until ?? size, size)
            try await operation.readTrail(.stored) { [filter] trail, _ in
                let head = try await trail.part(TrailFilter()).head
                guard head >= size else {
                    throw Failure("position \(head + 1): the event is missing: the newest checkpoint covers \(size)", code: .difference)
                }
                try await export(filter, of: trail, as: ProvenLines(log, against: checkpoint, since: own), to: destination)
            }
        }
    }

    @Sendable private func export(
        _ filter: TrailFilter, of trail: AuditTrail, as encoder: some ExportEncoder, to destination: Destination
    ) async throws {
        let bar = ProgressBar("export")
        defer { bar.breakOff() }
        let summary = try await TrailExport(trail).run(filter, as: encoder, to: destination.write) {
            bar.update(completed: Int($0.completed), total: Int($0.total))
        }
        bar.finish()
        try await destination.finish(summary)
    }

    private func filter(_ operation: Operation) async throws -> TrailFilter {
        var filter = TrailFilter(
            after: after, until: until ?? .max, from: from, to: to, stream: stream, types: EventCatalog.annals.types(of: selection.filter),
            actor: actor?.id, correlation: correlation)
        // An opaque id stands in the log as it is and needs no key.
        if let correlation, !RequestIdentity.isOpaque(correlation) {
            filter.correlation = try await operation.systemHasher().kept(requestID: correlation)
        }
        return filter
    }
}

/// A user's id as an argument.
struct UserID: ExpressibleByArgument {
    let id: UUID

    init?(argument: String) {
        guard let id = UUID(uuidString: argument) else { return nil }
        self.id = id
    }
}
