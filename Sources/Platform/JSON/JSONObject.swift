/// The members of a JSON object in their written order. Objects here are small, so look-up is a scan.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }

        package static func == (left: Member, right: Member) -> Bool { left.name.hasSameUTF8(as: right.name) && left.value == right.value }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(utf8: name)
            hasher.combine(value)
        }
    }

    package var list: [Member]

    package init(_ list: [Member] = []) {
        self.list = list
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        list = elements.map { Member(name: $0.0, value: $0.1) }
    }

    /// The names in written order.
    package var names: [String] { list.map(\.name) }

    package var isEmpty: Bool { list.isEmpty }

    /// Reads, replaces, adds (at the end) or, set to nil, removes a member.
    package subscript(_ name: String) -> JSONValue? {
        get { list.first { $0.name.hasSameUTF8(as: name) }?.value }
        set {
            guard let index = list.firstIndex(where: { $0.name.hasSameUTF8(as: name) }) else {
                if let newValue { list.append(Member(name: name, value: newValue)) }
                return
            }
            if let newValue { list[index].value = newValue } else { list.remove(at: index) }
        }
    }
}
