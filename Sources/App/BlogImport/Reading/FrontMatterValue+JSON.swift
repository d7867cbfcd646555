import JSON

extension FrontMatterValue {
    /// Parses a JSON object.
    static func parsingJSON(_ text: some Collection<UInt8>) throws(FrontMatterError) -> FrontMatterValue {
        do {
            guard case .object(let object) = try JSONValue.parse(Array(text)) else { throw FrontMatterError.notATable }
            return FrontMatterValue(.object(object), depth: 0)
        } catch let error as JSONSyntaxError {
            throw .invalid(error.reason)
        } catch {
            throw .notATable
        }
    }

    private init(_ value: JSONValue, depth: Int) {
        guard depth < Self.maximumDepth else {
            self = .null
            return
        }
        self =
            switch value {
            case .null: .null
            case .bool(let value): .text(String(value))
            case .integer(let value): .text(String(value))
            case .number(let value): .text(String(value))
            case .string(let value): .text(value)
            case .array(let values): .list(values.map { FrontMatterValue($0, depth: depth + 1) })
            case .object(let object):
                .table(Dictionary(object.list.map { ($0.name, FrontMatterValue($0.value, depth: depth + 1)) }) { _, last in last })
            }
    }
}
