/// A personal value as a reader of the log meets it: readable, or gone with its subject's key.
package enum Personal<Value: Sendable & Hashable>: Sendable, Hashable {
    case known(Value)
    /// The key that sealed it was destroyed: the person asked to be forgotten.
    case forgotten

    /// The value while it is readable.
    package var value: Value? {
        switch self {
        case .known(let value): value
        case .forgotten: nil
        }
    }
}

extension Personal<String> {
    /// Bytes of the text in UTF-8; none once it is forgotten.
    package var byteCount: Int { value?.utf8.count ?? 0 }
}
