/// Finds the images that a post shows from its own site, which an import leaves behind.
enum ImageReferences {
    /// The addresses without scheme and host of Markdown images, of `<img>` elements and of the front matter's cover, each once, in the order
    /// of their use. Code between fences is left out. Linear in the size of a line.
    static func relative(in content: String, _ fields: FrontMatterValue) -> [String] {
        var found: [String] = []
        for name in ["image", "cover", "featureImage", "thumbnail", "heroImage"] {
            guard let value = fields[name] else { continue }
            let texts = [value.text, value["url"]?.text, value["src"]?.text, value["path"]?.text, value["image"]?.text]
            found += texts.compactMap(\.self).prefix(1)
        }
        var isCode = false
        for line in content.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = line.drop { $0 == UInt8(ascii: " ") }
            if text.starts(with: "```".utf8) || text.starts(with: "~~~".utf8) {
                isCode.toggle()
            } else if !isCode {
                collect(in: Array(line), into: &found)
            }
        }
        var seen: Set<String> = []
        return found.filter { isRelative($0) && seen.insert($0).inserted }
    }

    private static func collect(in line: [UInt8], into found: inout [String]) {
        var index = 0
        while index < line.count {
            // Most bytes begin nothing.
            guard line[index] == UInt8(ascii: "!") || line[index] == UInt8(ascii: "<") else {
                index += 1
                continue
            }
            let rest = line[index...]
            if rest.starts(with: "![".utf8) {
                // The description ends at the first `](` after it; the address at white space or the closing parenthesis.
                guard let end = line.indices.dropFirst(index).first(where: { line[$0...].starts(with: "](".utf8) }) else { return }
                let address = line[(end + 2)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "<") }
                    .prefix { $0 > 0x20 && $0 != UInt8(ascii: ")") && $0 != UInt8(ascii: ">") }
                found.append(String(decoding: address, as: UTF8.self))
                index = max(end + 2, address.endIndex)
            } else if rest.starts(with: "<img".utf8) || rest.starts(with: "<IMG".utf8) {
                let element = rest.prefix { $0 != UInt8(ascii: ">") }
                let source = element.indices.first { element[$0...].starts(with: "src=".utf8) }
                if let source, let quote = element.dropFirst(source + 4 - element.startIndex).first {
                    let isQuoted = quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
                    let address = line[(source + (isQuoted ? 5 : 4))...].prefix { isQuoted ? $0 != quote : $0 > 0x20 && $0 != UInt8(ascii: ">") }
                    found.append(String(decoding: address, as: UTF8.self))
                }
                index = element.endIndex
            } else {
                index += 1
            }
        }
    }

    private static func isRelative(_ address: String) -> Bool {
        guard !address.isEmpty, !address.hasPrefix("//"), !address.hasPrefix("#") else { return false }
        let scheme = address.utf8.prefix {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "+")
        }
        return scheme.isEmpty || scheme.endIndex == address.utf8.endIndex || address.utf8[scheme.endIndex] != UInt8(ascii: ":")
    }
}
