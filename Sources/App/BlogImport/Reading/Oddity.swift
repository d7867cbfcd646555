/// Something in a blog that could not be taken as it stands, in one line for the person who runs the import.
package struct Oddity: Sendable, Hashable, CustomStringConvertible {
    /// The file, by its path inside the blog's folder.
    package let file: String
    package let message: String

    package init(file: String, message: String) {
        self.file = file
        self.message = message
    }

    package var description: String { "\(file): \(message)" }
}
