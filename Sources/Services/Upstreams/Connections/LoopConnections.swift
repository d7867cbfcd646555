import HTTPContract
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The connections of one event loop to the instances of a service, and the exchanges on them. Used on that loop only.
///
/// A call that comes in on a loop goes out on the same one, so that no thread waits for another. One timer serves all exchanges: one for each would
/// cost more than the rest of most calls, so an exchange ends up to 50 ms after its time.
final class LoopConnections {
    private static let tick = TimeAmount.milliseconds(50)
    private static let idleTick = TimeAmount.seconds(1)

    private let loop: any EventLoop
    private let settings: UpstreamSettings
    private let kept: Int
    private var idle: [Instance: [InstanceConnection]] = [:]
    private var exchanges: [ObjectIdentifier: InstanceExchange] = [:]
    private var isTicking = false
    private var isShutDown = false

    /// - Parameter kept: how many unused connections to one instance are kept.
    init(on loop: any EventLoop, _ settings: UpstreamSettings, kept: Int) {
        self.loop = loop
        self.settings = settings
        self.kept = kept
    }

    /// Sends a request over an unused connection, or a new one.
    func start(_ exchange: InstanceExchange) {
        guard !exchange.ticket.isGivenUp.load(ordering: .acquiring) else { return exchange.settle(.failure(CancellationError())) }
        guard !isShutDown else { return exchange.settle(.failure(UpstreamFailure(.unreachable, "the connections are closed"))) }
        exchanges[ObjectIdentifier(exchange.ticket)] = exchange
        startTicking()
        while let connection = idle[exchange.instance]?.popLast() {
            if connection.isIdle { return connection.begin(exchange) }
        }
        connect(for: exchange)
    }

    /// The exchange of a ticket, unless it is over.
    func exchange(of ticket: AttemptTicket) -> InstanceExchange? { exchanges[ObjectIdentifier(ticket)] }

    /// The reader of the answer wants more of it.
    func resume(_ ticket: AttemptTicket) { exchange(of: ticket)?.connection?.resume() }

    /// Nobody waits for the answer any more, or for the rest of it.
    func giveUp(_ ticket: AttemptTicket) {
        if let exchange = exchange(of: ticket) { end(exchange, CancellationError()) }
    }

    /// Ends all exchanges and closes all connections.
    func shutDown() {
        isShutDown = true
        for exchange in exchanges.values { end(exchange, UpstreamFailure(.broken, "the connections are closed")) }
        for connection in idle.values.joined() { connection.close(for: CancellationError()) }
        idle = [:]
    }

    private func connect(for exchange: InstanceExchange) {
        let (instance, bound, bytes) = (exchange.instance, NIOLoopBound(self, eventLoop: loop), settings.bufferedBytes)
        ClientBootstrap(group: loop).connectTimeout(TimeAmount(settings.connectTimeout)).channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connections = bound.value
                    let connection = InstanceConnection(
                        bufferedBytes: bytes, reader: { Self.reader(of: $0.ticket, in: bound) },
                        onEnd: { connections.ended($1, on: $0, isReusable: $2) })
                    // The length is known and stands in the head.
                    var framing = HTTPRequestEncoder.Configuration()
                    framing.automaticallySetFramingHeaders = false
                    let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes))
                    try channel.pipeline.syncOperations.addHandlers([HTTPRequestEncoder(configuration: framing), decoder, connection])
                }
            }
            .connect(host: instance.host, port: instance.port)
            .hop(to: loop).assumeIsolated()
            .whenComplete { self.connected($0, for: exchange) }
    }

    private func connected(_ result: Result<any Channel, any Error>, for exchange: InstanceExchange) {
        do {
            let channel = try result.get()
            let connection = try channel.pipeline.syncOperations.handler(type: InstanceConnection.self)
            // Its caller may have gone meanwhile.
            if exchange.isSettled { keep(connection, to: exchange.instance) } else { connection.begin(exchange) }
        } catch {
            end(exchange, UpstreamFailure(connecting: error))
        }
    }

    private static func reader(of ticket: AttemptTicket, in bound: NIOLoopBound<LoopConnections>) -> AnswerPartsReader {
        let loop = bound.eventLoop
        return AnswerPartsReader(
            onDemand: { loop.execute { bound.value.resume(ticket) } }, onEnd: { loop.execute { bound.value.giveUp(ticket) } })
    }

    private func ended(_ exchange: InstanceExchange, on connection: InstanceConnection, isReusable: Bool) {
        exchanges[ObjectIdentifier(exchange.ticket)] = nil
        if isReusable { keep(connection, to: exchange.instance) }
    }

    private func keep(_ connection: InstanceConnection, to instance: Instance) {
        guard !isShutDown, connection.isIdle, idle[instance, default: []].count < kept else { return connection.close(for: CancellationError()) }
        idle[instance, default: []].append(connection)
        startTicking()
    }

    private func end(_ exchange: InstanceExchange, _ error: any Error) {
        exchanges[ObjectIdentifier(exchange.ticket)] = nil
        exchange.connection?.close(for: error)
        exchange.settle(.failure(error))
    }

    // MARK: time

    private func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        scheduleTick()
    }

    private func scheduleTick() {
        loop.assumeIsolated().scheduleTask(in: exchanges.isEmpty ? Self.idleTick : Self.tick) { self.look() }
    }

    /// Why there is no answer in time.
    private func lateness(of exchange: InstanceExchange) -> UpstreamFailure {
        guard let connection = exchange.connection else { return UpstreamFailure(.unconnected, "no connection in time") }
        return connection.awaitsBody ? UpstreamFailure(.unsent, "no whole request in time") : UpstreamFailure(.late, "no answer in time")
    }

    /// Ends what has taken too long.
    private func look() {
        let now = loop.now
        for exchange in exchanges.values {
            if !exchange.isSettled, exchange.deadline <= now {
                end(exchange, lateness(of: exchange))
            } else if let connection = exchange.connection, !connection.isHeldUp, exchange.heard + TimeAmount(settings.longestSilence) <= now {
                end(exchange, UpstreamFailure(.late, "nothing was heard for \(settings.longestSilence)"))
            }
        }
        for (instance, connections) in idle {
            let (good, old) = connections.reduce(into: ([InstanceConnection](), [InstanceConnection]())) {
                if $1.isIdle, $1.idleSince + TimeAmount(settings.idleTimeout) > now { $0.0.append($1) } else { $0.1.append($1) }
            }
            guard !old.isEmpty else { continue }
            idle[instance] = good.isEmpty ? nil : good
            for connection in old { connection.close(for: CancellationError()) }
        }
        isTicking = !exchanges.isEmpty || !idle.isEmpty
        if isTicking { scheduleTick() }
    }
}
