import JSON

/// One thing that was looked at in a system, and what to do about it.
struct Finding: Sendable, Equatable {
    enum Grade: String, Sendable, CaseIterable {
        /// Nothing to do.
        case fine
        /// Worth knowing.
        case note
        /// Something to do soon.
        case warning
        /// A promise can't be kept.
        case broken
    }

    /// Its kind, by a fixed name.
    let check: String
    /// The database, file or setting that it is about.
    let subject: String
    let grade: Grade
    let message: String
    /// The advice; nil where there is nothing to do.
    let remedy: String?

    init(_ check: String, _ subject: String, _ grade: Grade, _ message: String, remedy: String? = nil) {
        self.check = check
        self.subject = subject
        self.grade = grade
        self.message = message
        self.remedy = remedy
    }

    /// A check that failed for a reason that its error puts into words.
    init(_ check: String, _ subject: String, _ error: any Error) {
        self.init(check, subject, .broken, (error as? Failure)?.message ?? "\(error)", remedy: "see the line in docs/troubleshoot.md")
    }

    /// The end of a start.
    var line: String { message + (remedy.map { ": " + $0 } ?? "") }

    var json: JSONValue {
        .object([
            "check": .string(check), "subject": .string(subject), "grade": .string(grade.rawValue), "message": .string(message),
            "remedy": remedy.map(JSONValue.string) ?? .null,
        ])
    }
}
