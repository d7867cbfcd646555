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

    package init(_ request: RequestedClosure, steps: [CompletedStep]) {
        closure = request.id
        user = request.user
        requestedAt = request.requestedAt
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

/// The steps by which an account is closed and its user erased, in their order. Stored by their names.
package enum ClosureStep: String, Sendable, Hashable, CaseIterable {
    /// The account gives up `active`, which each of its commands requires: nothing slips in behind this.
    case releaseClaim = "release-claim"
    /// `UserClosed` is in the log; email and username are free.
    case closeAccount = "close-account"
    /// Password and sessions are gone.
    case endSessions = "end-sessions"
    /// `PostDeleted` is in the log for each post; slugs are free.
    case deletePosts = "delete-posts"
    /// No table of a read model, live or kept, holds anything of the user.
    case scrubReadModels = "scrub-read-models"
    /// The user's sealed data in the log and its backups can't be opened any more.
    case destroyKey = "destroy-key"
    /// There is a signed statement of all this.
    case signReceipt = "sign-receipt"
}

/// A step that is done, as it is recorded.
package struct CompletedStep: Sendable, Hashable {
    package let step: ClosureStep
    package let at: Timestamp
    /// The last position of the log that the step is about; nil where it is about none.
    package let position: Int64?
    /// How many posts the step has deleted; nil for other steps.
    package let count: Int64?

    package init(_ step: ClosureStep, at: Timestamp, position: Int64? = nil, count: Int64? = nil) {
        self.step = step
        self.at = at
        self.position = position
        self.count = count
    }
}
