import EventSourcing
import HTTPContract
import Publishing

extension EventStore {
    /// The first of these values that another account holds. Only one is told, so that a probe costs a call for each. Only for the words of a
    /// refusal: the append decides.
    /// - Parameter own: the stream whose own values don't count.
    func taken(username: Username?, email: Email?, besides own: StreamName? = nil) async throws -> ClaimKind? {
        for (kind, value) in [(ClaimKind.username, username?.text), (ClaimKind.email, email?.comparable)] {
            if let value, let holder = try await holder(of: kind, value: value), holder != own { return kind }
        }
        return nil
    }
}
