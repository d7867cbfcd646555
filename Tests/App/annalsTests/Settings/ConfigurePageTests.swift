import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import annals

@Suite(.timeLimit(.minutes(5))) struct `The page on settings` {
    @Test func `has the row of each setting and of nothing else`() async throws {
        let page = try String(contentsOfFile: "\(repositoryRoot)/docs/configure.md", encoding: .utf8)
        let written = page.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| `ANNALS_") }
        let settings = try await Settings.read(SettingsFlags.parse([]), environment: [:])
        let declared = settings.table.map(\.row)
        #expect(declared.filter { !written.contains($0) } == [], "docs/configure.md lacks these rows")
        #expect(written.filter { !declared.contains($0) } == [], "docs/configure.md has these rows of no setting")
        #expect(written.count == declared.count)
    }

    @Test func `knows the flags`() async throws {
        let flags = try SettingsFlags.parse(["--port", "1", "--host", "::1", "--data-dir", "d", "--log-level", "info"])
        let table = try await Settings.read(flags, environment: [:]).table
        #expect(table.filter { $0.source == .flag }.map(\.key).sorted() == ["dataDir", "host", "logLevel", "port"])
    }
}

extension Setting {
    /// Its row in docs/configure.md.
    fileprivate var row: String {
        let users = services.count == Service.allCases.count ? "all" : services.map(\.rawValue).joined(separator: ", ")
        return "| `\(variable)` | `\(key)` | \(form) | \(fallback) | \(users) | \(purpose) |"
    }
}
