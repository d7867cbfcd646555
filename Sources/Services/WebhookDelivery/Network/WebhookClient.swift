import AsyncHTTPClient
import HTTPContract
import NIOCore
import NIOHTTP1
import NIOPosix
package import Publishing

/// Why an attempt at a delivery got no answer. The words stand in the delivery log.
package enum DeliveryFailure: String, Error, Sendable {
    case unknownHost = "the host has no address"
    case addressRefused = "the address is not one that may be delivered to"
    case unreachable = "no connection"
    case tooSlow = "no answer in time"
    case keyMissing = "the key to the webhook's secret is missing"
    case eventMissing = "the log does not have the event"
}

/// Sends deliveries. The name is looked up once for each, the addresses are checked, and the connection goes to a checked one, so a name that
/// changes its address between check and use changes nothing. Redirects are not followed.
package struct WebhookClient: Sendable {
    /// The answer of a receiver.
    package struct Answer: Sendable, Equatable {
        package let status: Int
        /// As it was sent.
        package let retryAfter: String?

        package init(status: Int, retryAfter: String? = nil) {
            self.status = status
            self.retryAfter = retryAfter
        }
    }

    package let addresses: ReachableAddresses
    private let resolve: HostResolver
    private let patience: Duration

    package init(
        reaching addresses: ReachableAddresses, resolve: @escaping HostResolver = SystemResolver.addresses, patience: Duration = .seconds(15)
    ) {
        self.addresses = addresses
        self.resolve = resolve
        self.patience = patience
    }

    /// One attempt. Throws `DeliveryFailure`, and `CancellationError`.
    /// - Parameter attempt: counted from 1; each goes to the next of several addresses.
    package func post(_ body: [UInt8], headers: [(String, String)], to url: WebhookURL, attempt: Int) async throws -> Answer {
        let found = try await resolve(url.host)
        guard !found.isEmpty else { throw DeliveryFailure.unknownHost }
        // One that is refused beside one that is not is no accident.
        guard found.allSatisfy({ addresses.contains($0, isPlain: url.scheme == "http") }) else { throw DeliveryFailure.addressRefused }
        let chosen = found[max(0, attempt - 1) % found.count]
        let client = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration(url, chosen))
        do {
            var request = HTTPClientRequest(url: url.normalized)
            request.method = .POST
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            request.body = .bytes(ByteBuffer(bytes: body))
            let answer = try await client.execute(request, deadline: .now() + TimeAmount(patience))
            // The body is nobody's business here, and is not waited for.
            try await client.shutdown()
            return Answer(status: Int(answer.status.code), retryAfter: answer.headers.first(name: "retry-after"))
        } catch {
            try await client.shutdown()
            try Task.checkCancellation()
            throw error as? DeliveryFailure ?? ((error as? HTTPClientError).map(Self.isTimeout) == true ? .tooSlow : .unreachable)
        }
    }

    private func configuration(_ url: WebhookURL, _ address: NetworkAddress) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(min(patience, .seconds(5))), read: TimeAmount(patience)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.dnsOverride = [url.host: "\(address)"]
        // The last word: before anything is sent, the other end is the address that was checked.
        configuration.http1_1ConnectionDebugInitializer = { channel in
            let other = channel.remoteAddress?.ipAddress.flatMap { NetworkAddress($0) }
            return other == address ? channel.eventLoop.makeSucceededVoidFuture() : channel.eventLoop.makeFailedFuture(DeliveryFailure.addressRefused)
        }
        return configuration
    }

    private static func isTimeout(_ error: HTTPClientError) -> Bool {
        error == .connectTimeout || error == .readTimeout || error == .deadlineExceeded || error == .writeTimeout
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
