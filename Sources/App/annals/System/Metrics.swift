import ArgumentParser
import Audit
import CoreMetrics
import EventLog
import EventSourcing
import Logging
import Postgres
import Processes
import Projections
import PublishingAPI
import QueryService
import Synchronization
import Telemetry
import Upstreams
import WebhookDelivery

/// The metrics of this process: `/metrics` on a port of its own. docs/metrics.md lists them.
enum Metrics {
    static let registry: MetricsRegistry = {
        let registry = MetricsRegistry([
            MetricDescription("http_server_request_duration_seconds", "Time from a request's head to its answer's head."),
            MetricDescription("http_client_request_duration_seconds", "Time of an attempt at another process's service, to its answer's head."),
            MetricDescription("annals_refusals_total", "Requests that were answered with a problem, by its code."),
            MetricDescription("annals_append_batch_requests", "Requests in a batch of appends.", buckets: MetricDescription.countBuckets),
            MetricDescription(
                "annals_append_duration_seconds", "Time of a batch of appends in the log.", buckets: MetricDescription.databaseBuckets),
            MetricDescription("annals_append_outcomes_total", "Appends, by what became of them."),
            MetricDescription(
                "db_client_operation_duration_seconds", "Time of a statement, with the wait for a connection.",
                buckets: MetricDescription.databaseBuckets),
            MetricDescription("annals_projection_parked_streams", "Streams that wait behind an event that could not be applied."),
            MetricDescription("annals_projection_events_total", "Events that a read model has taken."),
            MetricDescription("annals_projection_parkings_total", "Streams that were parked."),
            MetricDescription("annals_relay_lag", "Events that a broker is behind the log."),
            MetricDescription("annals_relay_events_total", "Events that were sent on to a broker."),
            MetricDescription("annals_relay_refused_total", "Events that were too large to be sent on."),
            MetricDescription("annals_processes_ended_total", "Processes that are over, by their outcome."),
            MetricDescription("annals_webhook_attempts_total", "Attempts at deliveries to webhooks."),
            MetricDescription("annals_feed_watchers", "Readers of a feed."),
            MetricDescription("annals_feed_slow_readers_total", "Readers of a feed that did not keep up and were closed."),
            MetricDescription("annals_rate_limit_falls_total", "Times that the shared limits fell back to this gateway's part."),
            MetricDescription("annals_rate_limit_local_calls_total", "Calls charged while they had."),
        ])
        registry.observeProcess(version: Annals.configuration.version)
        registry.observe("db_client_connections", .gauge, help: "Connections to a database, by pool and state.") { poolSamples(\.idle, \.inUse) }
        registry.observe("db_client_connection_pending_requests", .gauge, help: "Requests that wait for a connection.") { poolSamples(\.waiting) }
        registry.observe("annals_upstream_instances", .gauge, help: "Instances of services of other processes, by their breaker.", upstreamSamples)
        return registry
    }()

    /// The registry becomes the one of swift-metrics. Comes before whatever makes an instrument.
    static func begin() { _ = bootstrapped }

    private static let bootstrapped: Void = MetricsSystem.bootstrap(registry)

    // MARK: Pools

    private static let pools = Mutex<[ConnectionPool]>([])

    /// Shows the pools of this process, those of one role on one database together.
    static func show(_ pools: [ConnectionPool]) { Self.pools.withLock { $0 += pools } }

    private static func poolSamples(_ values: KeyPath<PoolStatistics, Int>...) -> [MetricSample] {
        var sums: [String: [Int]] = [:]
        for pool in pools.withLock({ $0 }) {
            let statistics = pool.statistics
            let known = sums[pool.name] ?? Array(repeating: 0, count: values.count)
            sums[pool.name] = zip(known, values).map { $0 + statistics[keyPath: $1] }
        }
        return sums.flatMap { name, counts in
            let pool = ("db_client_connection_pool_name", name)
            guard counts.count == 2 else { return [MetricSample(Double(counts[0]), [pool])] }
            return zip(["idle", "used"], counts).map { MetricSample(Double($1), [pool, ("db_client_connection_state", $0)]) }
        }
    }

    // MARK: Upstreams

    private static let clusters = Mutex<[UpstreamCluster]>([])

    /// Shows how the instances of services of other processes do.
    static func show(_ clusters: some Sequence<UpstreamCluster>) { Self.clusters.withLock { $0 += clusters } }

    private static func upstreamSamples() -> [MetricSample] {
        clusters.withLock { $0 }.flatMap { cluster in
            let state = cluster.state
            return [UpstreamState.Breaker.closed, .open, .halfOpen].map { breaker in
                MetricSample(
                    Double(state.instances.count { $0.breaker == breaker }), [("upstream", state.service.rawValue), ("breaker", breaker.rawValue)])
            }
        }
    }

    // MARK: Traces

    /// Shows what becomes of this process's spans.
    static func show(_ queue: SpanQueue) {
        registry.observe("annals_trace_spans_exported_total", .counter, help: "Spans that the collector has taken.") {
            [MetricSample(Double(queue.statistics.exported))]
        }
        registry.observe("annals_trace_spans_dropped_total", .counter, help: "Spans that were lost: the queue was full, or the collector away.") {
            [MetricSample(Double(queue.statistics.dropped))]
        }
    }

    // MARK: The log

    /// Shows what the log's append queue does.
    static func show(_ log: PostgresEventStore) {
        registry.observe("annals_append_batches_total", .counter, help: "Batches sent to the log.") {
            [MetricSample(Double(log.appendStatistics.batches))]
        }
        registry.observe("annals_append_requests_total", .counter, help: "Requests in them.") {
            [MetricSample(Double(log.appendStatistics.requests))]
        }
        registry.observe("annals_append_queue_requests", .gauge, help: "Appends that wait for the log.") {
            [MetricSample(Double(log.appendLoad.waiting))]
        }
        registry.observe("annals_append_queue_limit", .gauge, help: "How many may wait; further ones are refused.") {
            [MetricSample(Double(log.appendLoad.limit))]
        }
        registry.observe("annals_log_clock_behind_seconds", .gauge, help: "By how much the log's clock was behind the last event at the last append.")
        {
            [MetricSample(log.appendStatistics.clockLag / .seconds(1))]
        }
    }

    /// Shows how far behind the log what follows it is. A follower that another process keeps shows nothing here.
    static func show(_ projectors: ProjectorGroup, _ merkle: MerkleFollower, head: HeadWatch) {
        registry.observe("annals_projection_lag_events", .gauge, help: "Events that a read model lacks.") {
            projectors.statuses.filter { $0.state != .starting && $0.state != .waiting }
                .map { MetricSample(Double(max(0, head.known - $0.position)), [("model", $0.model)]) }
        }
        registry.observe("annals_audit_unsigned_events", .gauge, help: "Events that are in no signed checkpoint.") {
            merkle.signedSize.map { [MetricSample(Double(max(0, head.known - $0)))] } ?? []
        }
        registry.observe("annals_audit_checkpoint_age_seconds", .gauge, help: "For how long there have been events in no signed checkpoint.") {
            merkle.checkpointAge(at: head.known).map { [MetricSample($0 / .seconds(1))] } ?? []
        }
    }

    /// Shows the processes that are not over. Those that another process runs show nothing here.
    static func show(_ processes: ProcessCensus) {
        registry.observe("annals_processes", .gauge, help: "Processes that are not over.") {
            processes.counts.flatMap { count in
                [("running", count.running), ("compensating", count.compensating)].map {
                    MetricSample(Double($1), [("kind", count.kind), ("status", $0)])
                }
            }
        }
        registry.observe("annals_processes_stuck", .gauge, help: "Processes that make no progress.") {
            processes.counts.map { MetricSample(Double($0.stuck), [("kind", $0.kind)]) }
        }
        registry.observe("annals_process_stuck_seconds", .gauge, help: "For how long the process has been stuck that is so for longest; else 0.") {
            let now = Timestamp.now
            return processes.counts.map { count in
                let since = count.stuckSince ?? now
                return MetricSample(Double(max(0, now.milliseconds - since.milliseconds)) / 1000, [("kind", count.kind)])
            }
        }
    }

    /// Shows the deliveries to webhooks that wait. Where another process delivers, or there is no webhook, nothing is shown.
    static func show(_ pending: PendingDeliveries) {
        registry.observe("annals_webhook_pending", .gauge, help: "Deliveries that wait.") {
            pending.summary.map { [MetricSample(Double($0.total))] } ?? []
        }
        registry.observe("annals_webhook_pending_max", .gauge, help: "Deliveries that wait for the webhook with the most.") {
            pending.summary.map { [MetricSample(Double($0.most))] } ?? []
        }
    }

    /// Shows how often an answer that was kept could be given again.
    static func show(_ queries: Queries) {
        registry.observe("annals_query_cache_requests_total", .counter, help: "Queries that ask for what may be kept, by whether it was.") {
            guard let statistics = queries.cacheStatistics else { return [] }
            return [("hit", statistics.hits), ("miss", statistics.misses)].map { MetricSample(Double($1), [("result", $0)]) }
        }
        registry.observe("annals_query_cache_bytes", .gauge, help: "Bytes of the answers that are kept.") {
            queries.cacheStatistics.map { [MetricSample(Double($0.bytes))] } ?? []
        }
    }

    /// Shows whether the log's server archives its WAL.
    static func show(archiveFailure: ServerAge) {
        registry.observe(
            "annals_wal_archive_failing_seconds", .gauge,
            help: "How long ago the log's server archived WAL, when it has failed to since; else 0. Nothing where none is archived."
        ) {
            archiveFailure.seconds.map { [MetricSample($0)] } ?? []
        }
    }

    /// Shows how far the server that queries read is behind its primary.
    static func show(replicationLag: ServerAge) {
        registry.observe("annals_read_replication_lag_seconds", .gauge, help: "Age of what the standby that queries read replays; 0 on a primary.") {
            replicationLag.seconds.map { [MetricSample($0)] } ?? []
        }
    }
}
