import EventSourcing
import HTTPContract
import Publishing

extension EventStore {
    /// The ones of these values that other accounts hold. Only for the words of a refusal: the append decides.
    /// - Parameter own: the stream whose own values don't count.
    func taken(username: Username?, email: Email?, besides own: StreamName? = nil) async throws -> [Violation] {
        var taken: [Violation] = []
        for (kind, value) in [(ClaimKind.username, username?.text), (ClaimKind.email, email?.comparable)] {
            guard let value, let holder = try await self.holder(of: kind, value: value), holder != own else { continue }
            taken.append(Violation(kind.rawValue, "is taken"))
        }
        return taken
    }
}

extension Problem {
    /// 409: the values belong to other accounts; names every such field.
    static func duplicate(_ taken: [Violation]) -> Problem {
        Problem(.duplicateEntry, "Another account has this already.", details: taken)
    }
}
