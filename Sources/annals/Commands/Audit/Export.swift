import ArgumentParser
import Audit
import EventLog
import EventSourcing
import FoundationEssentials
import NIOPosix
import Publishing
import TerminalProgress

extension AuditCommand {
    /// `annals audit export`: the log, or a part of it, for somebody else to keep.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write events out as JSON lines or CloudEvents.",
            discussion: """
                Ends with the log as it was at the start. A file is there whole or not at all; the last line says how many events there are and the SHA-256 of \
                all that was written.
                """)

        @OptionGroup var flags: SettingsFlags
        @OptionGroup var selection: EventTypeSelection

        @Option(help: "Only events that the log took at this time or later, such as 2026-11-21T01:02:03Z.")
        var from: Timestamp?

        @Option(help: "Only events that the log took by this time, itself included.")
        var to: Timestamp?

        @Option(help: "Only events after this position.")
        var after: Int64 = 0

        @Option(help: "Only events up to this position, itself included.")
        var until = Int64.max

        @Option(help: "Only events of this stream.")
        var stream: StreamName?

        @Option(help: "Only events that this user caused.")
        var actor: UserID?

        @Option(help: "Only events of the call with this X-Request-ID.")
        var correlation: String?

        @Option(help: "ndjson: one JSON object a line. cloudevents: one CloudEvent a line. cloudevents-batch: one JSON array of CloudEvents.")
        var format = Format.ndjson

        @Option(name: [.short, .long], help: "The file to write. (standard output)")
        var output: String?

        @Flag(
            help: "Leave personal data sealed; needs no keys. A line of ndjson is then the event's canonical JSON, whose SHA-256 the Merkle log has.")
        var sealed = false

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case ndjson
            case cloudevents
            case cloudeventsBatch = "cloudevents-batch"
        }

        func validate() throws {
            guard after >= 0, until >= after else { throw ValidationError("positions count from 1, and --until is not below --after") }
            if let from, let to, to < from { throw ValidationError("--to is not before --from") }
            if stream != nil, selection.category != nil { throw ValidationError("--stream and --category don't go together") }
        }

        func run() async throws {
            let operation = try await Operation.begin(flags)
            let destination = try Destination(output)
            do {
                try await operation.readTrail(sealed ? .stored : .opened) { trail, opening in
                    let summary = try await export(trail, opening: opening, to: destination)
                    try await destination.finish(summary)
                }
            } catch {
                destination.abandon()
                throw error
            }
        }

        @Sendable private func export(_ trail: AuditTrail, opening: EventOpening?, to destination: Destination) async throws -> ExportSummary {
            let bar = ProgressBar("export")
            defer { bar.breakOff() }
            func run(_ encoder: some ExportEncoder) async throws -> ExportSummary {
                let summary = try await TrailExport(trail).run(filter, as: encoder, to: destination.write) {
                    bar.update(completed: Int($0.completed), total: Int($0.total))
                }
                bar.finish()
                return summary
            }
            return switch format {
            case .ndjson where sealed: try await run(SealedLines())
            case .ndjson: try await run(EventTexts(.lines, catalog: .publishing, opening: opening))
            case .cloudevents: try await run(EventTexts(.cloudEventLines, catalog: .publishing, opening: opening))
            case .cloudeventsBatch: try await run(EventTexts(.cloudEventBatch, catalog: .publishing, opening: opening))
            }
        }

        private var filter: TrailFilter {
            TrailFilter(
                after: after, until: until, from: from, to: to, stream: stream, types: EventCatalog.publishing.types(of: selection.filter),
                actor: actor?.id, correlation: correlation)
        }
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
