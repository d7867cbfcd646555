import EventSourcing
import HTTPContract
import Publishing

extension EventStore {
    /// Which of these values somebody else holds, all of them and not only the first. An append decides; this is for its refusal's words.
    /// - Parameter own: the stream whose own values don't count.
    func taken(username: Username?, email: EmailAddress?, besides own: StreamName? = nil) async throws -> [Violation] {
        var taken: [Violation] = []
        for (kind, value) in [(ClaimKind.username, username?.text), (ClaimKind.email, email?.comparable)] {
            guard let value, let holder = try await self.holder(of: kind, value: value), holder != own else { continue }
            taken.append(Violation(kind.rawValue, "is taken"))
        }
        return taken
    }
}

extension Problem {
    /// 409: what names an account is another's; every such field.
    static func duplicate(_ taken: [Violation]) -> Problem {
        Problem(.duplicateEntry, "What names an account must be its own.", details: taken)
    }
}
