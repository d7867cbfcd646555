import Yams

extension FrontMatterValue {
    /// Parses a YAML mapping. Where a name stands twice the last one counts, as in Jekyll's parser, and a remark says so.
    static func parsingYAML(_ text: String) throws(FrontMatterError) -> (FrontMatterValue, remarks: [String]) {
        do {
            return (try mapping(of: text), [])
        } catch YamlError.duplicatedKeysInMapping(let names, _) {
            // YAML 1.2 forbids the repetition and Yams refuses it; hand-written front matter has it all the same.
            let remarks = names.sorted().map { "\($0) stands twice in the front matter; the last one counts" }
            do {
                return (try mapping(of: droppingRepeated(names, in: text)), remarks)
            } catch {
                throw refusal(of: error)
            }
        } catch {
            throw refusal(of: error)
        }
    }

    private static func mapping(of text: String) throws -> FrontMatterValue {
        guard let root = try compose(yaml: text) else { return .table([:]) }
        let value = FrontMatterValue(root, depth: 0)
        switch value {
        case .table: return value
        case .null: return .table([:])
        case .text, .list: throw FrontMatterError.notATable
        }
    }

    private static func refusal(of error: any Error) -> FrontMatterError {
        switch error {
        case let error as FrontMatterError: error
        // Yams shows the offending lines below; an oddity is one line.
        default: .invalid(String(describing: error).split(separator: "\n").prefix(1).joined())
        }
    }

    /// The text without all but the last top-level entry of each of these names.
    private static func droppingRepeated(_ names: [String], in text: String) -> String {
        let lines = Array(text.utf8).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        func name(of line: ArraySlice<UInt8>) -> String? {
            names.first { line.starts(with: $0.utf8) && line.dropFirst($0.utf8.count).first == UInt8(ascii: ":") }
        }
        let last = Dictionary(lines.indices.compactMap { index in name(of: lines[index]).map { ($0, index) } }, uniquingKeysWith: max)
        var kept: [ArraySlice<UInt8>] = []
        var isDropping = false
        for (index, line) in lines.enumerated() {
            let isContinuation = line.first.map { [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "-")].contains($0) } ?? true
            if !isContinuation { isDropping = name(of: line).map { last[$0] != index } ?? false }
            if !isDropping { kept.append(line) }
        }
        return String(decoding: Array(kept.joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
    }

    private init(_ node: Node, depth: Int) {
        guard depth < Self.maximumDepth else {
            self = .null
            return
        }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            self = isNull ? .null : .text(scalar.string)
        case .sequence(let nodes):
            self = .list(nodes.map { FrontMatterValue($0, depth: depth + 1) })
        case .mapping(let pairs):
            let fields = pairs.compactMap { pair in pair.key.scalar.map { ($0.string, FrontMatterValue(pair.value, depth: depth + 1)) } }
            self = .table(Dictionary(fields) { _, last in last })
        case .alias:
            self = .null
        }
    }
}
