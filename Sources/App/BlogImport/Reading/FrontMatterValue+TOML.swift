import TOMLKit

extension FrontMatterValue {
    /// Parses a TOML document.
    static func parsingTOML(_ text: String) throws(FrontMatterError) -> FrontMatterValue {
        do {
            return FrontMatterValue(try TOMLTable(string: text), depth: 0)
        } catch let error as TOMLParseError {
            throw .invalid("\(error.description) at \(error.source.begin.debugDescription)")
        } catch {
            throw .invalid(String(describing: error))
        }
    }

    private init(_ table: TOMLTable, depth: Int) {
        guard depth < Self.maximumDepth else {
            self = .null
            return
        }
        let fields = table.keys.compactMap { key in table[key].map { (key, FrontMatterValue($0, depth: depth + 1)) } }
        self = .table(Dictionary(fields) { _, last in last })
    }

    private init(_ value: any TOMLValueConvertible, depth: Int) {
        let inner: FrontMatterValue? =
            switch value.type {
            case .table: value.table.map { FrontMatterValue($0, depth: depth) }
            case .array: value.array.map { array in .list(array.map { FrontMatterValue($0, depth: depth + 1) }) }
            case .string: value.string.map { .text($0) }
            case .int: value.int.map { .text(String($0)) }
            case .double: value.double.map { .text(String($0)) }
            case .bool: value.bool.map { .text(String($0)) }
            case .date: value.date.map { .text(Self.written($0)) }
            case .time: value.time.map { .text(Self.written($0)) }
            case .dateTime: value.dateTime.map { .text(Self.written($0)) }
            }
        self = inner ?? .null
    }

    private static func written(_ date: TOMLDate) -> String { "\(date.year)-\(date.month)-\(date.day)" }

    private static func written(_ time: TOMLTime) -> String {
        let milliseconds = String(1000 + time.nanoSecond / 1_000_000).dropFirst()
        return "\(time.hour):\(time.minute):\(time.second).\(milliseconds)"
    }

    private static func written(_ moment: TOMLDateTime) -> String {
        let local = "\(written(moment.date)) \(written(moment.time))"
        guard let minutes = moment.offset?.offset else { return local }
        let magnitude = abs(minutes)
        return "\(local) \(minutes < 0 ? "-" : "+")\(magnitude / 60):\(magnitude % 60)"
    }
}
