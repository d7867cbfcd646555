import EventSourcing
import HTTPContract
import Publishing

extension Problem {
    /// The one table from what the rules and the log refuse to what a client sees; nil for errors of another kind.
    @Sendable init?(commandError error: any Error) {
        switch error {
        case let failure as CommandFailure: self = Problem(failure)
        case let refusal as any ProblemConvertible: self = refusal.problem
        case is AccountClosing: self = .conflict("The account is being closed.")
        case EventStoreError.subjectUnknown: self = .accountNotActive
        case EventStoreError.keyUnusable:
            self = .unavailable("The key to this personal text is lost or damaged. The text can be deleted, and changed once its key is restored.")
        default: return nil
        }
    }

    fileprivate static let accountNotActive = Problem.unauthenticated("This account is not active.")

    private init(_ failure: CommandFailure) {
        switch failure {
        case .wrongVersion: self = .preconditionFailed()
        case .claimTaken(let kind): self = .duplicate(field: kind.rawValue)
        case .claimMissing: self = .accountNotActive
        case .keyReused: self = .idempotencyKeyReused()
        case .contended: self = .unavailable("Too many changes of the same thing at once.")
        }
    }
}

/// A refusal of the rules that knows what a client sees of it.
protocol ProblemConvertible: Error {
    var problem: Problem { get }
}

extension PostRefusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .notFound, .notVisible: .notFound()
        case .alreadyDrafted: .conflict("There is a post under this id already.")
        case .notAuthor: .forbidden("Only its author and admins may do this.")
        case .deleted: .conflict("The post was deleted.")
        case .published: .conflict("The post is published already.")
        case .notScheduled: .notFound()
        }
    }
}

extension UserRefusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .notFound: .notFound()
        case .alreadyRegistered: .conflict("There is a user under this id already.")
        case .deactivated, .closed: .accountNotActive
        }
    }
}

extension AdminRefusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .notAdmin: .forbidden("Only an admin may do this.")
        case .lastAdmin: .conflict("This is the last admin. Make somebody else one first.")
        }
    }
}

extension WebhookRefusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .notFound: .notFound()
        case .alreadyCreated: .conflict("There is a webhook under this id already.")
        case .ended: .conflict("The webhook's receiver has answered that it is gone. Delete it and create another.")
        }
    }
}

extension ViewRefusal: ProblemConvertible {
    var problem: Problem {
        switch self {
        case .countOutOfRange: .validation("count", "is out of range")
        }
    }
}
