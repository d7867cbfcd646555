import Configuration
import Gateway
import HTTPContract

/// Limits of the gateway's HTTP server: rates, sizes, times, origins. docs/configure.md lists the keys with their types and defaults.
struct ServerSettings: Sendable {
    var gateway = GatewaySettings()
    var rateLimits = RateLimitSettings()
    var connections = ConnectionLimits()
    /// As the settings give them.
    private var origins: [String] = []
    private var proxies: [String] = []
}

extension ServerSettings {
    init(_ config: ConfigReader) throws {
        let settings = SettingReader(config)
        rateLimits.calls = try settings.rateLimit("annals.rateLimit", default: rateLimits.calls)
        let defaults: RateLimitSettings = rateLimits.calls == nil ? .off : rateLimits
        rateLimits.logins = try settings.rateLimit("annals.loginRateLimit", default: defaults.logins)
        rateLimits.registrations = try settings.rateLimit("annals.registrationRateLimit", default: defaults.registrations)

        proxies = settings.list("annals.trustedProxies")
        gateway.proxies = try proxies.map { text in
            guard let block = AddressBlock(text) else {
                throw Failure("ANNALS_TRUSTED_PROXIES: \(text) is neither an IP address nor a block such as 10.0.0.0/8", code: .wrongUse)
            }
            return block
        }
        origins = settings.list("annals.corsOrigins")
        gateway.crossOrigin = try Self.crossOrigin(origins, withCredentials: settings.bool("annals.corsCredentials") ?? false)
        gateway.strictTransportSecurity = try settings.duration("annals.hsts", orOff: true, in: .seconds(1)...(.seconds(63_072_000)))
        gateway.deadline = try settings.duration("annals.deadline", in: .milliseconds(10)...(.seconds(3600))) ?? gateway.deadline
        gateway.maximumBodyBytes = try settings.number("annals.maxBody", in: 1024...HTTPLimits.largestBodyBytes) ?? gateway.maximumBodyBytes

        let times = Duration.milliseconds(10)...(.seconds(86_400))
        connections.idle = try settings.duration("annals.idleTimeout", in: times) ?? connections.idle
        connections.headers = try settings.duration("annals.headerTimeout", in: times) ?? connections.headers
        connections.bodyGrace = try settings.duration("annals.bodyTimeout", in: times) ?? connections.bodyGrace
        connections.bodyRate = try settings.number("annals.bodyRate", in: 1...(1 << 30)) ?? connections.bodyRate
        connections.connections = try settings.number("annals.maxConnections", in: 1...1_000_000) ?? connections.connections
    }

    /// The settings in force, as `annals config` shows them.
    var rows: [(String, String)] {
        func text(_ limit: RateLimit?) -> String { limit.map { "\($0)" } ?? "off" }
        let withCredentials = if case .only(_, true) = gateway.crossOrigin { true } else { false }
        return [
            ("ANNALS_RATE_LIMIT", text(rateLimits.calls)),
            ("ANNALS_LOGIN_RATE_LIMIT", text(rateLimits.logins)),
            ("ANNALS_REGISTRATION_RATE_LIMIT", text(rateLimits.registrations)),
            ("ANNALS_TRUSTED_PROXIES", proxies.joined(separator: ",")),
            ("ANNALS_CORS_ORIGINS", origins.joined(separator: ",")),
            ("ANNALS_CORS_CREDENTIALS", "\(withCredentials)"),
            ("ANNALS_HSTS", gateway.strictTransportSecurity?.setting ?? "off"),
            ("ANNALS_DEADLINE", gateway.deadline.setting),
            ("ANNALS_MAX_BODY", "\(gateway.maximumBodyBytes)"),
            ("ANNALS_IDLE_TIMEOUT", connections.idle.setting),
            ("ANNALS_HEADER_TIMEOUT", connections.headers.setting),
            ("ANNALS_BODY_TIMEOUT", connections.bodyGrace.setting),
            ("ANNALS_BODY_RATE", "\(connections.bodyRate)"),
            ("ANNALS_MAX_CONNECTIONS", connections.connections.map { "\($0)" } ?? "by descriptors"),
        ]
    }

    private static func crossOrigin(_ origins: [String], withCredentials: Bool) throws -> CrossOrigin {
        do {
            return try CrossOrigin(origins: origins, withCredentials: withCredentials)
        } catch {
            switch error {
            case .wildcard: throw Failure("ANNALS_CORS_ORIGINS: * stands alone, and without ANNALS_CORS_CREDENTIALS", code: .wrongUse)
            case .notAnOrigin(let text):
                throw Failure("ANNALS_CORS_ORIGINS: \(text) is not an origin such as https://example.org", code: .wrongUse)
            }
        }
    }
}
