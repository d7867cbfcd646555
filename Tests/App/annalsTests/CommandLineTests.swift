import ArgumentParser
import Testing

@testable import annals

/// Every command with its path, `annals` first.
private func commands(
    below command: any ParsableCommand.Type = Annals.self, path: [String] = []
) -> [(path: [String], type: any ParsableCommand.Type)] {
    [(path, command)] + command.configuration.subcommands.flatMap { commands(below: $0, path: path + [$0._commandName]) }
}

@Suite struct `The command line` {
    @Test func `has help for every command, in lines that a terminal holds, without a number that nobody has typed`() {
        #expect(commands().count > 25)
        for (path, command) in commands() {
            let help = Annals.helpMessage(for: command, includeHidden: false, columns: 100)
            #expect(command.configuration.abstract.hasSuffix("."), "\(path)")
            #expect(!help.contains("922337203685477"), "\(path): \(help)")
            #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 || $0.hasPrefix("USAGE") }, "\(path): \(help)")
        }
    }

    @Test func `knows its version`() {
        #expect(Annals.configuration.version == "0.1.0")
    }

    @Test(arguments: [("projection", "projections"), ("projections statsu", "projections status"), ("user list", "users")])
    func `guesses which command was meant`(typed: String, meant: String) {
        #expect(Annals.meantSubcommand(typed.split(separator: " ").map(String.init)) == meant)
    }

    @Test(arguments: ["projections status", "projections status --json", "weather", "up extra"])
    func `guesses nothing where a command is right or nothing is near`(typed: String) {
        #expect(Annals.meantSubcommand(typed.split(separator: " ").map(String.init)) == nil)
    }

    @Test func `takes several read models or all of them, and not both or none`() throws {
        #expect(try ReadModelNames.parse(["posts", "users"]).names == ["posts", "users"])
        #expect(try ReadModelNames.parse(["--all"]).all)
        for arguments in [[], ["--all", "posts"], ["posts", "posts"]] { #expect(throws: (any Error).self) { try ReadModelNames.parse(arguments) } }
    }
}

@Suite struct `A mistyped name` {
    private let names = ["posts", "users", "view_counts"]

    @Test(arguments: [("post", "posts"), ("psots", "posts"), ("viewcounts", "view_counts"), ("USERS", nil), ("archive", nil), ("", nil)])
    func `is met with the nearest name, if there is one`(typed: String, nearest: String?) {
        #expect(Suggestion.closest(to: typed, among: names) == nearest)
    }

    @Test func `of any length costs little`() {
        #expect(Suggestion.closest(to: String(repeating: "e\u{301}", count: 500_000), among: names) == nil)
    }
}
