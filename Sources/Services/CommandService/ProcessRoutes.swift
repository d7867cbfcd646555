import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Processes
import PublishingAPI

/// Takes events of the relay's processes: `{"version", "events": [{"type", "data"}], "causation"?, "correlation"?}`. 412 where the stream is at
/// another version.
struct ProcessRoutes: Sendable {
    let store: any EventStore

    func add(to routes: inout Routes) {
        routes.on(.appendToProcess) { request, context in
            let process = try context.id()
            let body = try await request.jsonBody()
            guard let version = body["version"]?.int, case .array(let elements)? = body["events"], !elements.isEmpty else {
                throw Problem.validation("events", "must be a list that is not empty, with a version")
            }
            let events = try elements.map { element throws(Problem) -> ProcessEvent in
                guard let type = element["type"]?.text, let data = element["data"]?.members,
                    let event = ProcessEvent(NewEvent(type: type, schemaVersion: 1, data: data))
                else { throw .validation("events", "must be events of a process") }
                return event
            }
            let cause = ProcessCause(event: body["causation"]?.text.flatMap { UUID(lowercase: $0) }, correlation: body["correlation"]?.text)
            guard try await LogJournal(store).append(events, to: process, after: Int(clamping: version), cause: cause) else {
                throw Problem.preconditionFailed()
            }
            return Answer.noContent()
        }
    }
}
