import Glibc

/// Why a database can't be used, in one line for the operator that says what to do.
package struct DatabaseFault: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    init(_ requirements: DatabaseRequirements, _ target: ConnectionTarget, _ error: PostgresError) {
        let place = requirements.place(target)
        description =
            switch error.kind {
            case .connection where error.isRefusedLogin: "\(place) refuses the connection: \(error.message)"
            case .connection, .poolTimeout, .deadline: "\(place) does not answer: \(error.message)"
            // The statements of the check quote no rows.
            case .server(let state): "\(place) refuses to be checked: \(error.message) (SQLSTATE \(state.rawValue))"
            case .cancelled: "\(place) was not checked: the program is stopping"
            case .configuration: "\(place) can't be used: \(error.message)"
            }
    }
}

enum UnixTime {
    /// Milliseconds since 1970.
    static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
