import EventSourcing
import HTTPContract
import Publishing

extension Problem {
    /// The one table from what the rules and the log refuse to what a client sees; nil for errors of another kind.
    @Sendable init?(commandError error: any Error) {
        switch error {
        case let failure as CommandFailure: self = Problem(failure)
        case let refusal as PostRefusal: self = Problem(refusal)
        case let refusal as UserRefusal: self = Problem(refusal)
        case let refusal as AdminRefusal: self = Problem(refusal)
        case let refusal as ViewRefusal: self = Problem(refusal)
        case is AccountClosing: self = .conflict("The account is being closed.")
        case EventStoreError.subjectUnknown: self = .accountNotActive
        default: return nil
        }
    }

    private static let accountNotActive = Problem.unauthenticated("This account is not active.")

    private init(_ failure: CommandFailure) {
        switch failure {
        case .wrongVersion: self = .preconditionFailed()
        case .claimTaken(let kind): self = .duplicate(field: kind.rawValue)
        case .claimMissing: self = .accountNotActive
        case .keyReused: self = .idempotencyKeyReused()
        case .contended: self = .unavailable("Too many changes of the same thing at once.")
        }
    }

    private init(_ refusal: PostRefusal) {
        switch refusal {
        case .notFound, .notVisible: self = .notFound()
        case .alreadyDrafted: self = .conflict("There is a post under this id already.")
        case .notAuthor: self = .forbidden("Only its author and admins may do this.")
        case .deleted: self = .conflict("The post was deleted.")
        }
    }

    private init(_ refusal: UserRefusal) {
        switch refusal {
        case .notFound: self = .notFound()
        case .alreadyRegistered: self = .conflict("There is a user under this id already.")
        case .deactivated, .closed: self = .accountNotActive
        }
    }

    private init(_ refusal: AdminRefusal) {
        switch refusal {
        case .notAdmin: self = .forbidden("Only an admin may do this.")
        case .lastAdmin: self = .conflict("This is the last admin. Make somebody else one first.")
        }
    }

    private init(_ refusal: ViewRefusal) {
        switch refusal {
        case .countOutOfRange: self = .validation("count", "is out of range")
        }
    }
}
