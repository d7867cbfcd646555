import HTTPContract
import Postgres

extension Problem {
    /// A failure of the read database as a caller may see it; nil for one that is a defect of ours.
    static func ofReadDatabase(_ error: any Error) -> Problem? {
        guard let error = error as? PostgresError else { return nil }
        switch error.kind {
        case .deadline: return .timeout()
        case .connection, .poolTimeout, .cancelled: return .unavailable()
        case .server where error.isTransient: return .unavailable()
        case .server(let state) where readModelMissing.contains(state.rawValue):
            return .unavailable("The read models are not built yet.")
        case .server, .configuration: return nil
        }
    }

    /// undefined_table and invalid_schema_name: the projector has not made the model's tables yet.
    private static let readModelMissing: Set<String> = ["42P01", "3F000"]
}
