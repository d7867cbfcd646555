package import EventSourcing
package import FoundationEssentials
package import JSON

/// The receipt of a closure before it is signed: each step, its time, and where the log shows it. Holds ids, times and positions, nothing personal.
package struct ClosureStatement: Sendable, Hashable {
    package let closure: UUID
    package let user: UUID
    package let requestedAt: Timestamp
    /// In their order.
    package let steps: [CompletedStep]

    package init(closure: UUID, user: UUID, requestedAt: Timestamp, steps: [CompletedStep]) {
        self.closure = closure
        self.user = user
        self.requestedAt = requestedAt
        self.steps = steps
    }

    /// The claims to sign. The names are RFC 7519's where it has them: `jti` is the closure, `sub` the user.
    package func claims(issuer: String, issuedAt: Timestamp) -> JSONObject {
        [
            "iss": .string(issuer), "jti": .string(closure.lowercased), "sub": .string(user.lowercased),
            "iat": .integer(issuedAt.milliseconds / 1000), "requestedAt": .string(requestedAt.description),
            "steps": .array(steps.map { .object($0.json) }),
        ]
    }
}

extension CompletedStep {
    fileprivate var json: JSONObject {
        var object: JSONObject = ["name": .string(step.rawValue), "at": .string(at.description)]
        if let position { object["position"] = .integer(position) }
        if let count { object["count"] = .integer(count) }
        return object
    }
}
