import Foundation
import Testing

/// docs/security.md names a test for each threat; this holds it to that.
@Suite(.timeLimit(.minutes(longestTest))) struct `The threat model` {
    /// `Suite`: `test`, `another test of it`
    private struct Claim: Hashable {
        let suite: String
        let test: String
    }

    @Test func `names tests that exist`() throws {
        let document = try String(contentsOfFile: repositoryRoot + "/docs/security.md", encoding: .utf8)
        let claims = claims(in: document)
        #expect(claims.count > 40)
        let sources = try testSources()
        for claim in claims {
            let isThere = sources.contains { $0.contains("struct `\(claim.suite)`") && $0.contains("func `\(claim.test)`") }
            #expect(isThere, "no suite \(claim.suite) with the test \(claim.test)")
        }
    }

    @Test func `names a test for each of its threats`() throws {
        let document = try String(contentsOfFile: repositoryRoot + "/docs/security.md", encoding: .utf8)
        let rows = document.components(separatedBy: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| threat") && !$0.hasPrefix("| ---") }
        #expect(rows.count > 30)
        for row in rows { #expect(!claims(in: row).isEmpty, "\(row)") }
    }

    /// A suite stands before a colon, its tests behind it up to the next semicolon, each in backquotes.
    private func claims(in text: String) -> Set<Claim> {
        var claims: Set<Claim> = []
        for row in text.components(separatedBy: "\n") where row.hasPrefix("| ") {
            let cells = row.components(separatedBy: " | ")
            for group in cells[cells.count - 1].components(separatedBy: ";") {
                let parts = group.components(separatedBy: "`: ")
                guard parts.count == 2, let suite = parts[0].components(separatedBy: "`").last else { continue }
                for (number, test) in parts[1].components(separatedBy: "`").enumerated() where number % 2 == 1 {
                    claims.insert(Claim(suite: suite, test: test))
                }
            }
        }
        return claims
    }

    private func testSources() throws -> [String] {
        let tests = repositoryRoot + "/Tests"
        return try (FileManager.default.enumerator(atPath: tests)?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }
            .map { try String(contentsOfFile: tests + "/" + $0, encoding: .utf8) }
    }
}
