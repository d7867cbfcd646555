import Foundation
import Testing

/// The README's demonstration: its commands in order, each with the output that the page shows for it.
private struct Demonstration {
    var commands: [String] = []
    /// Beside `commands`; nil where the page shows no output.
    var outputs: [String?] = []

    /// Blocks of `sh` are commands; a block of `text` is the output of the block before.
    init(page: String) {
        for block in page.components(separatedBy: "\n```").enumerated().filter({ $0.offset % 2 == 1 }).map(\.element) {
            let lines = block.components(separatedBy: "\n")
            let text = lines.dropFirst().joined(separator: "\n")
            if lines.first == "sh" {
                commands.append(text)
                outputs.append(nil)
            } else if lines.first == "text", !outputs.isEmpty {
                outputs[outputs.count - 1] = text
            }
        }
    }
}

extension String {
    /// Without what differs from run to run: ids, times, versions of SQL, positions and counts. The forms of names and words stay.
    fileprivate var withoutChance: String {
        replacing(#/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/#, with: "<id>")
            .replacing(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#, with: "<time>")
            .replacing(#/version [0-9a-f]{12}/#, with: "version <hash>")
            .replacing(#/\b\d+ (event|tile|checkpoint|row|table)s?\b/#) { "<count> \($0.output.1)s" }
            .replacing(#/(at position|up to) \d+/#) { "\($0.output.1) <position>" }
            .trimmingCharacters(in: .newlines)
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `The README` {
    @Test(arguments: [false, true]) func `shows commands that work by copy and paste, and what they print`(isApart: Bool) async throws {
        let page = try String(contentsOfFile: repositoryRoot + "/README.md", encoding: .utf8)
        let demonstration = Demonstration(page: page)
        #expect(demonstration.commands.count == 5)
        #expect(demonstration.outputs.allSatisfy { $0 != nil })
        try await withRepositoryCopy { root in
            let system = try await RunningSystem(
                dataDirectory: root + "/.annals", environment: ["ANNALS_ROOT": root], isLimited: true, isApart: isApart)
            // One shell for all of it, since later commands use variables of earlier ones.
            let mark = "--- next ---"
            let script = demonstration.commands.joined(separator: "\necho '\(mark)'\n").replacing("127.0.0.1:3000", with: "127.0.0.1:\(system.port)")
            // A read model may be later on a busy machine than a query waits for by itself.
            let patience = #"curl() { command curl --fail --retry 100 --retry-max-time 600 "$@"; }"#
            let output = try await Shell.run("cd '\(root)'; export ANNALS_ROOT='\(root)'\n\(patience)\n" + script)
            let parts = output.components(separatedBy: mark + "\n")
            #expect(parts.count == demonstration.commands.count)
            for (printed, shown) in zip(parts, demonstration.outputs) { #expect(printed.withoutChance == shown?.withoutChance) }
            _ = await system.interrupt()
        }
    }

    @Test func `gives figures that the benchmarks have`() throws {
        let readme = try String(contentsOfFile: repositoryRoot + "/README.md", encoding: .utf8)
        let benchmarks = try String(contentsOfFile: repositoryRoot + "/Benchmarks/README.md", encoding: .utf8)
        for (shown, measured) in [
            ("16,200 a second", "| 64 | Annals | 16,205 | 0.30 |"), ("5.4 times", "- 64 clients: 5.4 × the best of Python"),
            ("1,560", "| 1 | Annals | 1,563 |"), ("38,200 a second", "| Annals, live: posts and view counts | 38,229 | 0.84 |"),
            ("19 ms", "p99 18.6 ms"),
        ] {
            #expect(readme.contains(shown))
            #expect(benchmarks.contains(measured))
        }
    }
}
