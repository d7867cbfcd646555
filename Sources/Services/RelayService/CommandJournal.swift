import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Processes
import PublishingAPI

/// The streams of processes as the relay has them: it reads the log itself, and appends through the command service.
struct CommandJournal: ProcessJournal {
    let log: any EventStore
    let commands: ServiceClient

    func load(_ process: UUID) async throws -> [RecordedEvent] { try await LogJournal(log).load(process) }

    func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool {
        var body: JSONObject = [
            "version": .integer(Int64(version)),
            "events": .array(
                events.map { event in
                    let encoded = event.encoded
                    return .object(["type": .string(encoded.type), "data": .object(encoded.data)])
                }),
        ]
        if let event = cause.event { body["causation"] = .string(event.lowercased) }
        if let correlation = cause.correlation { body["correlation"] = .string(correlation) }
        let answer = try await commands.post(.appendToProcess, process.lowercased, json: body)
        if answer.isSuccess { return true }
        guard answer.problemCode == .preconditionFailed else { throw UnexpectedAnswer(status: answer.status.code) }
        return false
    }
}
