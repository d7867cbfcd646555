import AsyncHTTPClient
import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Makes calls to instances over HTTP/1.1.
struct InstanceClient: Sendable {
    private let http: HTTPClient
    private let bufferedBytes: Int

    init(_ settings: UpstreamSettings) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(settings.connectTimeout), read: TimeAmount(settings.longestSilence)),
            connectionPool: .init(
                idleTimeout: TimeAmount(settings.idleTimeout), concurrentHTTP1ConnectionsPerHostSoftLimit: settings.connections),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
        bufferedBytes = settings.bufferedBytes
    }

    /// Closes its connections. Calls on their way fail.
    func shutDown() async throws { try await http.shutdown() }

    /// One attempt at a call. A small answer is read to its end; a larger one goes on as it comes, and holds `token` until it ends.
    ///
    /// Throws `UpstreamFailure`, and `CancellationError` when the caller has given up.
    /// - Parameter attempt: which attempt it is of those that may have reached a service.
    func send(_ call: OutgoingCall, to instance: Instance, attempt: Int, in time: Duration, holding token: some AnyObject & Sendable) async throws
        -> Response
    {
        var request = HTTPClientRequest(url: "http://\(instance)\(call.target)")
        request.method = call.method
        request.headers = call.headers
        if let budget = TimeBudget.current { request.headers.replaceOrAdd(name: HTTPField.Name.timeLeft.rawName, value: budget.header) }
        if attempt > 1 { request.headers.replaceOrAdd(name: HTTPField.Name.attempt.rawName, value: String(attempt)) }
        let deadline = NIODeadline.now() + TimeAmount(time)
        do {
            switch call.body {
            case .none: return try await response(to: request, by: deadline, holding: token)
            case .whole(let buffer):
                request.body = .bytes(buffer)
                return try await response(to: request, by: deadline, holding: token)
            case .stream(let body, let length):
                let relay = BodyRelay()
                request.body = .stream(relay, length: .known(Int64(length)))
                async let relayed: Void = relay.relay(body)
                let answer: Result<Response, any Error>
                do { answer = .success(try await response(to: request, by: deadline, holding: token)) } catch { answer = .failure(error) }
                // The rest of the body is read before anything is answered: it is in the way of the client's next request.
                relay.close()
                await relayed
                return try answer.get()
            }
        } catch {
            throw Task.isCancelled ? CancellationError() : error as? UpstreamFailure ?? UpstreamFailure(error)
        }
    }

    private func response(to request: HTTPClientRequest, by deadline: NIODeadline, holding token: some AnyObject & Sendable) async throws -> Response
    {
        let answer = try await http.execute(request, deadline: deadline)
        var fields = HTTPFields()
        fields.reserveCapacity(answer.headers.count)
        for (name, value) in answer.headers { if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) } }
        fields = HopByHop.stripped(fields)
        let status = HTTPResponse.Status(code: Int(answer.status.code))
        let length = fields[.contentLength].flatMap { Int($0) }
        let hasBody = request.method != .HEAD && status != .noContent && status != .notModified && length != 0
        guard hasBody else { return Response(status: status, headers: fields) }
        if let length, length <= bufferedBytes {
            let body = try await answer.body.collect(upTo: length)
            // A body ends like this, too, when the task is cancelled.
            guard body.readableBytes == length else { throw UpstreamFailure(.broken, "the answer's body broke off") }
            return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: body))
        }
        return Response(
            status: status, headers: fields,
            body: ResponseBody(contentLength: length) { writer in
                for try await part in answer.body { try await writer.write(part) }
                // A body ends like this, too, when the task is cancelled.
                try Task.checkCancellation()
                try await writer.finish(nil)
                withExtendedLifetime(token) {}
            })
    }

    /// Whether an instance says that it is ready.
    func isReady(_ instance: Instance, in time: Duration) async -> Bool {
        let request = HTTPClientRequest(url: "http://\(instance)/ready")
        guard let answer = try? await http.execute(request, timeout: TimeAmount(time)) else { return false }
        return (200..<300).contains(answer.status.code)
    }
}
