import JSON

/// Why the front matter of a file could not be read.
package enum FrontMatterError: Error, Equatable, CustomStringConvertible {
    case neverCloses(fence: String)
    case notATable
    case invalid(String)
    case unknownLanguage(String)

    package var description: String {
        switch self {
        case .neverCloses(let fence): "the front matter opens with \(fence) and never closes"
        case .notATable: "the front matter is not a list of names and values"
        case .invalid(let reason): "the front matter does not parse: \(reason)"
        case .unknownLanguage(let language): "the front matter is in \(language), not in YAML, TOML or JSON"
        }
    }
}

/// The head and the body of one Markdown file.
///
/// The head is YAML between `---` lines, TOML between `+++` lines, or JSON as an object or between `;;;` lines. `---toml` names the language.
package struct FrontMatter: Sendable, Equatable {
    /// Always a table; empty when the file has no front matter.
    package let fields: FrontMatterValue
    /// Everything after the closing fence's line, as it is.
    package let body: String
    package let isAbsent: Bool
    /// Things that should not be there and were accepted.
    package let remarks: [String]

    /// Splits and parses a file's text. Linear in its size.
    ///
    /// It accepts a byte order mark, any line ends, and blank lines and comments before the head. A head that is overlooked may be one that
    /// says the post is a draft.
    package static func read(_ text: String) throws(FrontMatterError) -> FrontMatter {
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        let (head, hasComment) = bytes.skippingToHead
        var remarks = hasComment ? ["the comment before the front matter is left out"] : []
        if let end = try endOfObject(in: head) {
            let fields = try FrontMatterValue.parsingJSON(head[..<end])
            return FrontMatter(fields: fields, body: String(decoding: head[end...].line.rest, as: UTF8.self), isAbsent: false, remarks: remarks)
        }
        let opening = head.line
        guard let fence = try Fence(opening.content) else {
            return FrontMatter(fields: .table([:]), body: String(decoding: bytes, as: UTF8.self), isAbsent: true, remarks: ["has no front matter"])
        }
        var rest = opening.rest
        while !rest.isEmpty {
            let line = rest.line
            if fence.isClosed(by: line.content) {
                let (fields, more) = try fence.parse(
                    String(decoding: head[opening.rest.startIndex..<rest.startIndex].withUnixLineEnds, as: UTF8.self))
                remarks += more
                return FrontMatter(fields: fields, body: String(decoding: line.rest, as: UTF8.self), isAbsent: false, remarks: remarks)
            }
            rest = line.rest
        }
        throw .neverCloses(fence: fence.text)
    }

    /// Where the JSON object ends that the text begins with; nil when it begins with none, as `{{< figure >}}` does not.
    private static func endOfObject(in bytes: ArraySlice<UInt8>) throws(FrontMatterError) -> Int? {
        guard bytes.first == UInt8(ascii: "{"), let next = bytes.dropFirst().first(where: { !$0.isSpace && !$0.isLineEnd }),
            next == UInt8(ascii: "\"") || next == UInt8(ascii: "}")
        else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == UInt8(ascii: "{") {
                depth += 1
            } else if byte == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { return index + 1 }
            }
        }
        throw .neverCloses(fence: "{")
    }

    private enum Fence {
        case yaml
        case toml
        case json(text: String)
        case tomlBetweenHyphens

        /// Nil when the line opens no front matter.
        init?(_ line: ArraySlice<UInt8>) throws(FrontMatterError) {
            let line = line.drop(while: \.isSpace)
            if line.elementsEqual("+++".utf8) {
                self = .toml
            } else if line.elementsEqual(";;;".utf8) {
                self = .json(text: ";;;")
            } else if line.starts(with: "---".utf8), line.dropFirst(3).allSatisfy({ UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }) {
                switch String(decoding: line.dropFirst(3), as: UTF8.self).lowercased() {
                case "", "yaml", "yml": self = .yaml
                case "toml": self = .tomlBetweenHyphens
                case "json": self = .json(text: "---")
                case let language: throw .unknownLanguage(language)
                }
            } else {
                return nil
            }
        }

        var text: String {
            switch self {
            case .yaml, .tomlBetweenHyphens: "---"
            case .toml: "+++"
            case .json(let text): text
            }
        }

        /// YAML may also end with its own end-of-document line, which Jekyll honours.
        func isClosed(by line: ArraySlice<UInt8>) -> Bool {
            if case .yaml = self, line.elementsEqual("...".utf8) { return true }
            return line.elementsEqual(text.utf8)
        }

        func parse(_ head: String) throws(FrontMatterError) -> (FrontMatterValue, remarks: [String]) {
            switch self {
            case .yaml: return try FrontMatterValue.parsingYAML(head)
            case .toml, .tomlBetweenHyphens: return (try FrontMatterValue.parsingTOML(head), [])
            case .json:
                // Hexo leaves the braces out.
                let head = head.trimmed
                return (try FrontMatterValue.parsingJSON(head.hasPrefix("{") ? head.utf8[...] : "{\(head)}".utf8[...]), [])
            }
        }
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
    fileprivate var isLineEnd: Bool { self == UInt8(ascii: "\n") || self == UInt8(ascii: "\r") }
}

extension ArraySlice<UInt8> {
    /// The first line without its end and the space before that, and what follows it. A line ends with LF, CRLF or CR.
    fileprivate var line: (content: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) {
        let end = firstIndex(where: \.isLineEnd) ?? endIndex
        var content = self[..<end]
        while content.last?.isSpace == true { content.removeLast() }
        var rest = self[end...]
        if let first = rest.popFirst(), first == UInt8(ascii: "\r"), rest.first == UInt8(ascii: "\n") { rest.removeFirst() }
        return (content, rest)
    }

    /// From the first line that is neither blank nor within an HTML comment, and whether there was a comment.
    fileprivate var skippingToHead: (head: ArraySlice<UInt8>, hasComment: Bool) {
        var rest = self
        var hasComment = false
        while true {
            let start = rest.drop { $0.isSpace || $0.isLineEnd }
            guard start.starts(with: "<!--".utf8) else {
                // Back to where the line begins: its indentation is its own.
                return (start, hasComment)
            }
            var index = start.startIndex + 4
            while index < endIndex, !self[index...].starts(with: "-->".utf8) { index += 1 }
            guard index < endIndex else { return (self, false) }
            hasComment = true
            rest = self[(index + 3)...]
        }
    }

    fileprivate var withUnixLineEnds: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in indices {
            if self[index] != UInt8(ascii: "\r") {
                bytes.append(self[index])
            } else if index + 1 == endIndex || self[index + 1] != UInt8(ascii: "\n") {
                bytes.append(UInt8(ascii: "\n"))
            }
        }
        return bytes
    }
}
