/// Why the front matter of a file could not be read.
package enum FrontMatterError: Error, Equatable, CustomStringConvertible {
    case neverCloses(fence: String)
    case notATable
    case invalid(String)

    package var description: String {
        switch self {
        case .neverCloses(let fence): "the front matter opens with \(fence) and never closes"
        case .notATable: "the front matter is not a list of names and values"
        case .invalid(let reason): "the front matter does not parse: \(reason)"
        }
    }
}

/// The head and the body of one Markdown file: YAML between `---` lines (Jekyll) or TOML between `+++` lines (Zola, Hugo), then Markdown.
package struct FrontMatter: Sendable, Equatable {
    /// Always a table; empty when the file has no front matter.
    package let fields: FrontMatterValue
    /// Everything after the closing fence's line, as it is.
    package let body: String
    /// What was accepted although it should not be there, in words.
    package let remarks: [String]

    /// Splits and parses a file's text. A byte order mark at the start and CRLF line ends are accepted. Linear in the size of the text.
    package static func read(_ text: String) throws(FrontMatterError) -> FrontMatter {
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        let opening = line(of: bytes, from: bytes.startIndex)
        let syntax = Syntax(openingLine: bytes[opening.content])
        guard let syntax else {
            return FrontMatter(fields: .table([:]), body: String(decoding: bytes, as: UTF8.self), remarks: ["has no front matter"])
        }
        var next = opening.next
        while next < bytes.endIndex {
            let current = line(of: bytes, from: next)
            if syntax.isClosed(by: bytes[current.content]) {
                let head = String(decoding: bytes[opening.next..<next], as: UTF8.self)
                let body = String(decoding: bytes[current.next...], as: UTF8.self)
                let (fields, remarks) = try syntax.parse(head)
                return FrontMatter(fields: fields, body: body, remarks: remarks)
            }
            next = current.next
        }
        throw .neverCloses(fence: syntax.fence)
    }

    /// The line that starts at an index, without its end and the space before that, and where the next one starts.
    private static func line(of bytes: ArraySlice<UInt8>, from start: Int) -> (content: Range<Int>, next: Int) {
        let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        var end = newline
        while end > start, [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")].contains(bytes[end - 1]) { end -= 1 }
        return (start..<end, min(newline + 1, bytes.endIndex))
    }

    private enum Syntax {
        case yaml
        case toml

        init?(openingLine: ArraySlice<UInt8>) {
            if openingLine.elementsEqual("---".utf8) {
                self = .yaml
            } else if openingLine.elementsEqual("+++".utf8) {
                self = .toml
            } else {
                return nil
            }
        }

        var fence: String {
            switch self {
            case .yaml: "---"
            case .toml: "+++"
            }
        }

        /// YAML may also end with its own end-of-document line, which Jekyll honours.
        func isClosed(by line: ArraySlice<UInt8>) -> Bool {
            line.elementsEqual(fence.utf8) || self == .yaml && line.elementsEqual("...".utf8)
        }

        func parse(_ head: String) throws(FrontMatterError) -> (FrontMatterValue, remarks: [String]) {
            switch self {
            case .yaml: try FrontMatterValue.parsingYAML(head)
            case .toml: (try FrontMatterValue.parsingTOML(head), [])
            }
        }
    }
}
