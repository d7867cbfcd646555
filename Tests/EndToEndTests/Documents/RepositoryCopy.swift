import Foundation

/// A copy of the folders that the program reads, with the built binary as its `bin/annals`.
func withRepositoryCopy(_ body: (String) async throws -> Void) async throws {
    try await withDataDirectory { root in
        try FileManager.default.createDirectory(atPath: root + "/bin", withIntermediateDirectories: true)
        for folder in ["migrations", "openapi", "projections", "web"] {
            try FileManager.default.copyItem(atPath: "\(repositoryRoot)/\(folder)", toPath: "\(root)/\(folder)")
        }
        try FileManager.default.createSymbolicLink(atPath: root + "/bin/annals", withDestinationPath: Launch.binary.path)
        try await body(root)
    }
}
