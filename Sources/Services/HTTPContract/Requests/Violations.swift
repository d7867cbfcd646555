/// The violations gathered while one request is read.
struct Violations: Sendable {
    private(set) var list: [Violation] = []
    /// With those that the list has no room for.
    private var count = 0

    mutating func add(_ field: String, _ message: String) {
        count += 1
        guard list.count < HTTPLimits.maximumViolations else { return }
        list.append(Violation(Self.shortened(field), message))
    }

    /// Throws them all at once, if any.
    func check() throws(Problem) {
        guard list.isEmpty else { throw .validation(list, of: count) }
    }

    /// The names are the sender's: what is not known here may be as long as a body can be.
    private static func shortened(_ field: String) -> String {
        let limit = HTTPLimits.maximumNameLength
        // Bytes are as many as scalars at least, and counted at once.
        guard field.utf8.count > limit else { return field }
        return String(String.UnicodeScalarView(field.unicodeScalars.prefix(limit)))
    }
}
