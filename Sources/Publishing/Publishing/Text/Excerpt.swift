/// The start of a post's content, as lists show it.
package struct Excerpt: Sendable, Hashable {
    /// How many Unicode scalars it has at most.
    package static let length = 200

    package let text: String

    /// The first 200 Unicode scalars of the content, as they are.
    package init(of content: String) {
        text = String(content.unicodeScalars.prefix(Self.length))
    }
}
