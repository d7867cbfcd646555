import EventSourcing
import Processes
import Publishing

extension EventCatalog {
    /// Every event type of the log: those of the domain, and those of the processes.
    static let annals = EventCatalog(Array(publishing.schemas.values) + ProcessEvent.schemas)
}
