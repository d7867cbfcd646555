package import EventSourcing
package import FoundationEssentials
package import Postgres

/// The deliveries to webhooks, past and to come, for reading.
package struct DeliveryLog: Sendable {
    private let pool: ConnectionPool

    /// - Parameter pool: the log's database, with a right to SELECT on the deliveries.
    package init(_ pool: ConnectionPool) { self.pool = pool }

    /// How a delivery stands. Kept by these names.
    package enum State: String, Sendable, CaseIterable {
        case pending, delivered, parked
    }

    /// The delivery of one event to one webhook.
    package struct Delivery: Sendable, Equatable {
        package let position: Int64
        package let event: UUID
        package let type: String
        package let stream: String
        package let state: State
        package let attempts: Int
        /// Nil once it is over.
        package let dueAt: Timestamp?
        package let lastAttemptAt: Timestamp?
        /// The status of the last answer; nil where there was none.
        package let lastStatus: Int?
        package let lastError: String?
    }

    /// How many deliveries of a webhook are in the log, and how they stand.
    package struct Counts: Sendable, Equatable {
        package var pending: Int64 = 0
        package var parked: Int64 = 0
        package var total: Int64 = 0
        package var lastDeliveredAt: Timestamp?

        package init() {}
    }

    /// The newest deliveries of a webhook before a position.
    package func deliveries(of webhook: UUID, before position: Int64 = .max, state: State? = nil, limit: Int) async throws -> [Delivery] {
        let values: [SQLValue] = [.uuid(webhook), .int8(position), .text(optional: state?.rawValue), .int8(Int64(limit))]
        return try await pool.query(.deliveries, values).map { row in
            let state = State(rawValue: try row.get(4)) ?? .pending
            return Delivery(
                position: try row.get(0), event: try row.get(1), type: try row.get(2), stream: try row.get(3), state: state,
                attempts: try row.get(5), dueAt: state == .pending ? try row.timestamp(6) : nil, lastAttemptAt: try row.timestamp(7),
                lastStatus: try row.get(8), lastError: try row.get(9))
        }
    }

    /// The counts of these webhooks; those without deliveries are left out.
    package func counts(of webhooks: [UUID]) async throws -> [UUID: Counts] {
        var counts: [UUID: Counts] = [:]
        for row in try await pool.query(.deliveryCounts, [.uuids(webhooks)]) {
            var found = Counts()
            found.pending = try row.get(1)
            found.parked = try row.get(2)
            found.lastDeliveredAt = try row.timestamp(3)
            found.total = try row.get(4)
            counts[try row.get(0)] = found
        }
        return counts
    }
}

extension Row {
    /// A time; nil for NULL.
    func timestamp(_ column: Int) throws -> Timestamp? { isNull(column) ? nil : Timestamp(milliseconds: try milliseconds(column)) }
}
