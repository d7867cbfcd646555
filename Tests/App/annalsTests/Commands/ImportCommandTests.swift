import ArgumentParser
import Testing

@testable import annals

@Suite struct `The import's command line` {
    @Test(arguments: [
        ["blog"], ["blog", "--dry-run", "--json"], ["blog", "--update", "--author", "ann@example.org"],
        ["blog", "--map", "jane=ann@example.org", "--map", "a=b=bob@example.org"], ["--undo", "0198a3c4-0001-7abc-8def-00112233ff99"],
    ]) func `takes a folder with options, or an import to take back`(arguments: [String]) throws {
        _ = try Import.parse(arguments)
    }

    @Test(arguments: [
        [], ["--dry-run"], ["blog", "--undo", "an import"], ["--undo", "an import", "--update"], ["--undo", "an import", "--dry-run"],
        ["blog", "--json"],
        ["blog", "--map", "jane"], ["blog", "--map", "=ann@example.org"],
    ]) func `refuses what goes with neither`(arguments: [String]) {
        #expect(throws: (any Error).self) { try Import.parse(arguments) }
    }
}
