package import HTTPContract

/// The settings of a gateway.
package struct GatewaySettings: Sendable {
    /// Where it listens. Port 0 is any free one.
    package var host = "127.0.0.1"
    package var port = 0
    /// Called with the port once it listens.
    package var onListening: @Sendable (_ port: Int) -> Void = { _ in }
    /// The certificate with which it speaks TLS; nil speaks plainly, behind a proxy that has one or on a machine's own network.
    package var certificates: CertificateFiles?
    /// The limits of one connection.
    package var connections = ConnectionLimits()
    /// Which other origins' pages may call.
    package var crossOrigin: CrossOrigin
    /// The largest body let in, in bytes.
    package var maximumBodyBytes: Int
    /// How long one request may take before it is answered with 504.
    package var deadline: Duration
    /// How many calls a service gets at once.
    package var shedding = SheddingSettings()
    /// Which answers are kept for when their service does not answer; nil keeps none.
    package var stale: StaleSettings?
    /// Our own proxies, whose word on the client's address is taken (`Forwarded`, `X-Forwarded-…`). Anyone else could pose as any address.
    package var proxies: [AddressBlock]
    /// How long one part of a dashboard may take before the others are answered without it.
    package var dashboardDeadline = Duration.seconds(2)
    /// How long browsers are told to come by TLS only; nil says nothing, as a gateway without TLS in front of it must.
    package var strictTransportSecurity: Duration?

    package init(
        crossOrigin: CrossOrigin = .nobody, maximumBodyBytes: Int = HTTPLimits.maximumBodyBytes, deadline: Duration = .seconds(30),
        proxies: [AddressBlock] = [], strictTransportSecurity: Duration? = nil
    ) {
        self.crossOrigin = crossOrigin
        self.maximumBodyBytes = maximumBodyBytes
        self.deadline = deadline
        self.proxies = proxies
        self.strictTransportSecurity = strictTransportSecurity
    }
}
