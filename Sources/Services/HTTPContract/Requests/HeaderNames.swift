package import HTTPTypes

extension HTTPField.Name {
    /// `X-Request-ID`: names one call in every answer, log line and event.
    package static let requestID = contract("X-Request-ID")
    /// `X-Annals-Service`: the token with which one service calls another. Never taken from outside.
    package static let serviceToken = contract("X-Annals-Service")
    /// `X-Annals-Caller`: whose idempotency keys a call of one service to another is under. Never taken from outside.
    package static let caller = contract("X-Annals-Caller")
    /// `X-Annals-Claimed`: on an answer to the gateway, that the call took a name or an email and so told that it was free. Never sent outside.
    package static let claimed = contract("X-Annals-Claimed")
    /// `X-Annals-Further-Calls`: on an answer to the gateway, how many calls it counts for beside the one. Never sent outside.
    package static let furtherCalls = contract("X-Annals-Further-Calls")
    /// `X-Annals-Time-Left`: the milliseconds left for a call of one service to another. Never taken from outside.
    package static let timeLeft = contract("X-Annals-Time-Left")
    /// `X-Annals-Attempt`: on a call that may have reached a service before, how many times it is made. Never taken from outside.
    package static let attempt = contract("X-Annals-Attempt")
    /// `X-Annals-Client`: the client's address, from the gateway to a service of another process. Never taken from outside.
    package static let client = contract("X-Annals-Client")
    /// `X-Annals-Gateway`: the gateway's token beside it, without which it is not believed. Never taken from outside.
    package static let gatewayToken = contract("X-Annals-Gateway")
    /// `Forwarded` (RFC 7239), and the three headers from before it.
    package static let forwarded = contract("Forwarded")
    package static let forwardedFor = contract("X-Forwarded-For")
    package static let forwardedProto = contract("X-Forwarded-Proto")
    package static let forwardedHost = contract("X-Forwarded-Host")
    /// `Position`: where in the log a command's last event stands.
    package static let position = contract("Position")
    /// `Read-Model-Position`: how far the read model behind an answer had come.
    package static let readModelPosition = contract("Read-Model-Position")
    /// `Wait-For-Position`: answer only from a read model that has reached it.
    package static let waitForPosition = contract("Wait-For-Position")
    /// `Prefer` (RFC 7240), of which `wait` is read.
    package static let prefer = contract("Prefer")
    /// `Idempotency-Key`: makes a command's repeat harmless.
    package static let idempotencyKey = contract("Idempotency-Key")
    /// `Idempotency-Replayed`: the answer is that of an earlier, equal command.
    package static let idempotencyReplayed = contract("Idempotency-Replayed")
    /// `Import-Origin`: where a command's content was imported from. Believed of the operator's tokens only.
    package static let importOrigin = contract("Import-Origin")
    /// `DNT`: `1` keeps a view from being counted.
    package static let doNotTrack = contract("DNT")
    /// `RateLimit-Policy`: the limit that a call counted for.
    package static let rateLimitPolicy = contract("RateLimit-Policy")
    /// `RateLimit`: what is left of it.
    package static let rateLimit = contract("RateLimit")
    /// `Last-Event-ID`: the last event that a reader of Server-Sent Events has got.
    package static let lastEventID = contract("Last-Event-ID")
    /// `X-Accel-Buffering`: `no` keeps nginx from holding an answer back.
    package static let accelBuffering = contract("X-Accel-Buffering")
    /// `Referrer-Policy`.
    package static let referrerPolicy = contract("Referrer-Policy")
    /// `X-Frame-Options`.
    package static let frameOptions = contract("X-Frame-Options")

    /// `Cache-Status` (RFC 9211): whether an answer was kept from before.
    package static let cacheStatus = contract("Cache-Status")

    private static func contract(_ name: StaticString) -> HTTPField.Name {
        guard let field = HTTPField.Name(name.description) else { preconditionFailure("\(name) is no field name") }
        return field
    }
}
