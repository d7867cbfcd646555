/// The violations gathered while one request is read.
struct Violations: Sendable {
    private(set) var list: [Violation] = []

    mutating func add(_ field: String, _ message: String) {
        guard list.count < HTTPLimits.maximumViolations else { return }
        list.append(Violation(field, message))
    }

    /// Throws them all at once, if any.
    func check() throws(Problem) {
        guard list.isEmpty else { throw .validation(list) }
    }
}
