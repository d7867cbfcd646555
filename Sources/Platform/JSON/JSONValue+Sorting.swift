extension JSONValue {
    /// The same value with the members of all its objects in the order of their names' UTF-8: two texts that say the same become one.
    package var sortedByName: JSONValue {
        switch self {
        case .null, .bool, .integer, .number, .string: self
        case .array(let elements): .array(elements.map(\.sortedByName))
        case .object(let object):
            .object(
                JSONObject(
                    object.list.map { JSONObject.Member(name: $0.name, value: $0.value.sortedByName) }
                        .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }))
        }
    }
}
