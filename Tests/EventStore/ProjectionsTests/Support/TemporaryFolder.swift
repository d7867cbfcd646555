import FoundationEssentials

/// A folder of read models of a test's own: model → file → text.
func withProjections<T>(_ models: [String: [String: String]], _ body: (String) async throws -> T) async throws -> T {
    let root = FileManager.default.temporaryDirectory.appending(path: "projections-\(UUID().uuidString)").path
    defer {
        do { try FileManager.default.removeItem(atPath: root) } catch { print("left behind: \(root)") }
    }
    for (model, files) in models {
        try FileManager.default.createDirectory(atPath: "\(root)/\(model)", withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(root)/\(model)/\(name)")) }
    }
    return try await body(root)
}
