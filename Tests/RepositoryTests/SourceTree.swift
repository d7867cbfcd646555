import Foundation

/// The repository as the tests of its rules read it.
enum SourceTree {
    struct Line {
        let place: String
        let text: String

        /// The line without its comment; nil where it is all comment.
        var code: String? {
            let trimmed = text.trimmingCharacters(in: .whitespaces)
            return trimmed.hasPrefix("//") ? nil : trimmed
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The Swift files below these folders, in order.
    static func files(of folders: [String]) throws -> [URL] {
        folders.flatMap { folder in
            let names = FileManager.default.enumerator(atPath: root.path + "/" + folder)?.compactMap { $0 as? String } ?? []
            return names.filter { $0.hasSuffix(".swift") }.sorted().map { URL(filePath: "\(root.path)/\(folder)/\($0)") }
        }
    }

    static func lines(in file: URL) throws -> [Line] {
        let path = String(file.path.dropFirst(root.path.count + 1))
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
            Line(place: "\(path):\($0.offset + 1)", text: String($0.element))
        }
    }

    /// The lines below these folders that are wanted. Other tests have their turn after each file.
    static func lines(of folders: [String], where isWanted: (Line) -> Bool) async throws -> [Line] {
        var wanted: [Line] = []
        for file in try files(of: folders) {
            wanted += try lines(in: file).filter(isWanted)
            await Task.yield()
        }
        return wanted
    }

    static func folders(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.path + "/" + path).filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root.path)/\(path)/\($0)", isDirectory: &isFolder) && isFolder.boolValue
        }.sorted()
    }

    static func modules() throws -> [(name: String, path: String)] {
        try folders("Sources").flatMap { layer in try folders("Sources/\(layer)").map { ($0, "Sources/\(layer)/\($0)") } }
    }
}
