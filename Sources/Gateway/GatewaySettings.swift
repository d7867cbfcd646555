import HTTPContract

/// What can be set about a gateway.
package struct GatewaySettings: Sendable {
    /// Which other origins' pages may call.
    package var crossOrigin: CrossOrigin
    /// The largest body let in, in bytes.
    package var maximumBodyBytes: Int
    /// How long one request may take before it is answered with 504.
    package var deadline: Duration
    /// Whether the last address of `X-Forwarded-For` is the client's. Only true behind a proxy that sets it; anyone else could pose as any address.
    package var trustsForwardedFor: Bool

    package init(
        crossOrigin: CrossOrigin = .nobody, maximumBodyBytes: Int = HTTPLimits.maximumBodyBytes, deadline: Duration = .seconds(30),
        trustsForwardedFor: Bool = false
    ) {
        self.crossOrigin = crossOrigin
        self.maximumBodyBytes = maximumBodyBytes
        self.deadline = deadline
        self.trustsForwardedFor = trustsForwardedFor
    }
}
