import CoreMetrics

/// How a projector of this process is doing.
package struct ProjectorStatus: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        /// Not yet at its tables.
        case starting
        /// Another process holds the lease.
        case waiting
        /// Applies what comes.
        case applying
        /// The next event can't be read, or the database refuses it, for a reason that is not the event's; it is tried again and again.
        case failed(position: Int64)
        /// Given up until the model has other tables, or the process is started anew: the log is not the one that the tables were made from, or holds
        /// what this program does not know.
        case stopped(reason: String)
    }

    package let model: String
    package var state: State = .starting
    /// The version that it applies, in hexadecimal; nil while it starts.
    package var version: String?
    /// Whether the folder holds another version: the tables wait for a rebuild.
    package var isStale = false
    /// The last position committed; 0 while it starts.
    package var position: Int64 = 0
    /// How many streams wait behind an event that could not be applied; those of one id wait together and count once.
    package var parkedStreams = 0
}

/// Why a projector gives up.
package enum ProjectorStop: Error, Equatable, CustomStringConvertible {
    /// The log does not hold the event that was applied last: it was restored to an older state, or is another one.
    case logRewritten(position: Int64)
    /// The log breaks a promise.
    case logBroken(reason: String)
    /// This program is older than the event.
    case unknownEvent(type: String, version: Int)
    /// So many streams would have to be parked that the statement must be wrong, not the data. Names the last failure.
    case tooManyParked(String)
    /// The SQL that the tables were made by is not in the folder any more, and this program can't go on with it.
    case unusable(version: String, reason: String)

    /// Whether the tables hold what the log does not: then their position says nothing about the log that is there.
    var isDivergence: Bool {
        switch self {
        case .logRewritten, .logBroken: true
        case .unknownEvent, .tooManyParked, .unusable: false
        }
    }

    package var description: String {
        switch self {
        case .logRewritten(let position):
            "the log no longer holds the event applied last, at position \(position): it was restored to an older state, or is another log; "
                + "rebuild the read model"
        case .logBroken(let reason): "the log is broken: \(reason)"
        case .tooManyParked(let last): "more than 20 streams failed within a minute, the last at position \(last)"
        case .unusable(let version, let reason):
            "version \(version.prefix(8)) made the tables, and this program can't use it (\(reason)): rebuild the read model"
        case .unknownEvent(let type, let version): "the log holds \(type) in version \(version), which this program does not know"
        }
    }
}

/// The metrics of one read model in this process.
struct ProjectorMetrics: Sendable {
    private let parkedStreams: Gauge
    private let parkings: Counter
    private let events: Counter

    init(_ model: String, factory: any MetricsFactory) {
        parkedStreams = Gauge(label: "annals_projection_parked_streams", dimensions: [("model", model)], factory: factory)
        events = Counter(label: "annals_projection_events_total", dimensions: [("model", model)], factory: factory)
        parkings = Counter(label: "annals_projection_parkings_total", dimensions: [("model", model)], factory: factory)
    }

    /// How many streams wait now.
    func setParkedStreams(_ count: Int) { parkedStreams.record(count) }

    /// So many more events have been applied, or passed over.
    func countEvents(_ count: Int64) { events.increment(by: count) }

    /// One more stream has been parked.
    func countParkedStream() { parkings.increment() }
}
