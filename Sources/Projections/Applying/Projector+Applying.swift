import EventSourcing
import Logging
import Postgres

extension Projector {
    /// Applies events and moves the checkpoint behind them, in one transaction; returns where it is then. Throws `EventFailure` when one of them is at fault;
    /// those before it are applied then.
    func apply(_ events: [RecordedEvent], of model: ReadModel, from checkpoint: Checkpoint) async throws -> Checkpoint {
        do {
            return try await commit(events, of: model, from: checkpoint)
        } catch is UnreadableField {
            return try await applySingly(events, of: model, from: checkpoint)
        } catch let error as PostgresError where error.isFaultOfEvent {
            return try await applySingly(events, of: model, from: checkpoint)
        }
    }

    /// The same, one transaction an event: finds the one at fault.
    private func applySingly(_ events: [RecordedEvent], of model: ReadModel, from checkpoint: Checkpoint) async throws -> Checkpoint {
        var checkpoint = checkpoint
        for event in events {
            do {
                checkpoint = try await commit([event], of: model, from: checkpoint)
            } catch is UnreadableField {
                throw EventFailure(event, nil)
            } catch let error as PostgresError where error.isFaultOfEvent {
                throw EventFailure(event, error)
            }
        }
        return checkpoint
    }

    private func commit(_ events: [RecordedEvent], of model: ReadModel, from checkpoint: Checkpoint) async throws -> Checkpoint {
        guard let last = events.last else { return checkpoint }
        var position = checkpoint.position
        var queries = [checkpoint.advance(model.name, to: last.position, last.id)]
        queries.reserveCapacity(events.count + 1)
        for event in events {
            guard event.position == position + 1 else { throw EventStoreError.broken(reason: "position \(event.position) follows \(position)") }
            position = event.position
            if let statement = model.statements[event.type] { queries.append(try statement.query(for: event)) }
        }
        try await pool.atomically(queries)
        update {
            $0.position = position
            $0.state = .applying
        }
        notifier.announce(model.name, position: position)
        var moved = checkpoint
        moved.position = position
        moved.eventID = last.id
        return moved
    }

    /// An event at fault holds the model up until it goes through: nothing is skipped.
    func note(_ failure: EventFailure) async {
        await fail(
            at: failure.position, "an event can not be applied",
            [
                "position": "\(failure.position)", "stream": "\(failure.stream)", "type": "\(failure.type)",
                "sqlstate": "\(failure.sqlState?.rawValue ?? "none")", "constraint": "\(failure.constraint ?? "none")",
            ])
    }

    /// The database refuses for a reason that is not the event's, such as a missing right: it will go on refusing until somebody mends it.
    func note(refusal error: PostgresError) async {
        await fail(at: status.position + 1, "the read database refuses", ["reason": "\(error)", "statement": "\(error.statementName ?? "none")"])
    }

    private func fail(at position: Int64, _ message: Logger.Message, _ metadata: Logger.Metadata) async {
        let isNew = status.state != .failed(position: position)
        update { $0.state = .failed(position: position) }
        logger.log(level: isNew ? .error : .debug, message, metadata: metadata)
        do {
            try await pool.query(.noteFailure, [.text(model.name), .int8(position)])
        } catch {
            logger.debug("the failure could not be stored", metadata: ["reason": "\(error)"])
        }
    }
}

extension Statement {
    fileprivate static let noteFailure = Statement(
        "note_failure", "UPDATE annals.checkpoints SET failing_at = $2 WHERE model = $1 AND position < $2 AND failing_at IS DISTINCT FROM $2")
}
