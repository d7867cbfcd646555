import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Makes calls to instances over HTTP/1.1.
struct InstanceClient: Sendable {
    private let group = MultiThreadedEventLoopGroup.singleton
    private let connections: [ObjectIdentifier: InstanceConnections]

    init(_ settings: UpstreamSettings) {
        let loops = Array(group.makeIterator())
        let kept = max(1, settings.connections / loops.count)
        connections = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0), InstanceConnections(on: $0, settings, kept: kept)) })
    }

    /// Closes its connections. Calls on their way fail.
    func shutDown() async throws {
        for connections in connections.values { try await connections.shutDown() }
    }

    /// One attempt at a call. A small answer is read to its end; a larger one goes on as it comes, and holds `token` until it ends.
    ///
    /// Throws `UpstreamFailure`, and `CancellationError` when the caller has given up.
    /// - Parameters:
    ///   - attempt: which attempt it is of those that may have reached a service.
    ///   - time: within which the answer has to begin.
    func send(_ call: OutgoingCall, to instance: Instance, attempt: Int, in time: Duration, holding token: some AnyObject & Sendable) async throws
        -> Response
    {
        var head = HTTPRequestHead(version: .http1_1, method: call.method, uri: call.target, headers: call.headers)
        head.headers.add(name: "Host", value: "\(instance)")
        if let budget = TimeBudget.current { head.headers.replaceOrAdd(name: HTTPField.Name.timeLeft.rawName, value: budget.header) }
        if attempt > 1 { head.headers.replaceOrAdd(name: HTTPField.Name.attempt.rawName, value: String(attempt)) }
        let connections = try connections(on: call.loop)
        do {
            let answer: InstanceAnswer
            switch call.body {
            case .none: answer = try await connections.send(head, ByteBuffer(), to: instance, in: time)
            case .whole(let body): answer = try await connections.send(head, body, to: instance, in: time)
            case .stream(let body, let length): answer = try await connections.send(head, body, length, to: instance, in: time)
            }
            return response(answer, holding: token, endingWith: call.isStream ? call.client : nil)
        } catch {
            throw Task.isCancelled ? CancellationError() : error
        }
    }

    /// Whether an instance says that it is ready; nil when it can't be asked from here.
    func isReady(_ instance: Instance, in time: Duration) async -> Bool? {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ready", headers: ["Host": "\(instance)"])
        do {
            return 200..<300 ~= (try await connections(on: nil).send(head, ByteBuffer(), to: instance, in: time)).head.status.code
        } catch {
            return (error as? UpstreamFailure)?.kind == .exhausted ? nil : false
        }
    }

    /// The connections of the loop that the call came in on.
    private func connections(on loop: (any EventLoop)?) throws -> InstanceConnections {
        if let found = loop.flatMap({ connections[ObjectIdentifier($0)] }) ?? connections[ObjectIdentifier(group.any())] { return found }
        throw UpstreamFailure(.unreachable, "the event loop is of another group")
    }

    /// - Parameter client: ends an answer that does not end by itself when it is closed.
    private func response(
        _ answer: InstanceAnswer, holding token: some AnyObject & Sendable, endingWith client: (any Channel)?
    ) -> Response {
        var fields = HTTPFields()
        fields.reserveCapacity(answer.head.headers.count)
        for (name, value) in answer.head.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        fields = HopByHop.stripped(fields)
        let status = HTTPResponse.Status(code: Int(answer.head.status.code))
        switch answer.body {
        case .whole(let body):
            return Response(status: status, headers: fields, body: body.readableBytes == 0 ? ResponseBody() : ResponseBody(byteBuffer: body))
        case .parts(let parts):
            return Response(
                status: status, headers: fields,
                body: ResponseBody(contentLength: fields[.contentLength].flatMap { Int($0) }) { writer in
                    if let client {
                        client.closeFuture.whenComplete { _ in answer.giveUp() }
                        // When this process stops, the feed ends as it would at the service's own stop.
                        try await withGracefulShutdownHandler {
                            var isBetweenEvents = true
                            do {
                                for try await part in parts {
                                    try await writer.write(part)
                                    isBetweenEvents = part.readableBytesView.suffix(2).elementsEqual("\n\n".utf8)
                                }
                            } catch is CancellationError where client.isActive {
                                if isBetweenEvents { try await writer.write(ServerSentEvent.end(.shutdown)) }
                            }
                        } onGracefulShutdown: {
                            answer.giveUp()
                        }
                    } else {
                        for try await part in parts { try await writer.write(part) }
                    }
                    // A body ends like this, too, when the task is cancelled.
                    try Task.checkCancellation()
                    try await writer.finish(nil)
                    withExtendedLifetime(token) {}
                })
        }
    }
}
