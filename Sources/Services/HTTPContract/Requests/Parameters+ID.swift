import EventSourcing
package import FoundationEssentials
package import Hummingbird

extension Parameters {
    /// An id in the path, in lower case, else 400.
    package func id(_ name: String = "id") throws(Problem) -> UUID {
        guard let id = UUID(lowercase: self[name[...]] ?? "") else { throw .malformed("The \(name) in the path is not a UUID in lower case.") }
        return id
    }

    /// A text in the path, decoded. NUL can't be in any name of ours, so it is 404.
    package func text(_ name: String) throws(Problem) -> String {
        guard let text = self[name[...]], !text.utf8.contains(0) else { throw .notFound() }
        return String(text)
    }

    /// A position or another whole number in the path, not negative, else 400.
    package func number(_ name: String) throws(Problem) -> Int64 {
        guard let number = self[name[...]].flatMap({ WireText($0).number }) else {
            throw .malformed("The \(name) in the path is not a whole number.")
        }
        return number
    }
}

extension CallContext {
    /// An id in the path, in lower case, else 400.
    package func id(_ name: String = "id") throws(Problem) -> UUID { try parameters.id(name) }
}
