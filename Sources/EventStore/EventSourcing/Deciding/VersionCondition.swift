/// At which versions of its stream a caller wants a command to run.
package enum VersionCondition: Sendable, Hashable {
    /// The caller does not mind.
    case any
    /// At one of these; at none when there is none.
    case oneOf(Set<Int>)

    /// Whether a stream at this version is what the caller wants.
    func allows(_ version: Int) -> Bool {
        switch self {
        case .any: true
        case .oneOf(let versions): versions.contains(version)
        }
    }
}
