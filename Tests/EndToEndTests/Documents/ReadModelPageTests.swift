import EventSourcing
import Foundation
import TestSupport
import Testing

/// A page of `docs/` as its reader goes through it: files to write, commands to run, and what they print.
private struct Walkthrough {
    enum Step: Equatable {
        case write(path: String, text: String)
        case start
        case run(String)
        case expect(String)
    }

    let steps: [Step]

    /// A block of SQL goes into the file that was named last before it; `bin/up` alone starts, or starts again; a block of text is what the commands
    /// before it print.
    init(page: String) {
        var steps: [Step] = []
        var named: String?
        var block: (language: String, lines: [String])?
        for line in page.components(separatedBy: "\n") {
            guard line.hasPrefix("```") else {
                if block != nil {
                    block?.lines.append(line)
                } else if let path = line.split(separator: "`").last(where: { $0.hasPrefix("projections/archive/") }) {
                    named = String(path)
                }
                continue
            }
            guard let (language, lines) = block else {
                block = (String(line.dropFirst(3)), [])
                continue
            }
            let text = lines.joined(separator: "\n")
            switch language {
            case "sql":
                guard let path = named else { Issue.record("no file is named for this SQL: \(text)"); break }
                steps.append(.write(path: path, text: text + "\n"))
            case "sh": steps.append(text == "bin/up" ? .start : .run(text))
            default: steps.append(.expect(text + "\n"))
            }
            block = nil
        }
        self.steps = steps
    }
}

extension RunningSystem {
    /// Returns once the archive has what the log has: a reader takes longer than that.
    fileprivate func archiveCaughtUp() async throws {
        let head = try await query("SELECT coalesce(max(position), 0) FROM log.events", in: "annals_log")
        try await eventually { try await query("SELECT position FROM annals.checkpoints WHERE model = 'archive'", in: "annals_read") == head }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `The page that adds a read model` {
    @Test func `holds word by word`() async throws {
        let page = try String(contentsOfFile: repositoryRoot + "/docs/add-a-read-model.md", encoding: .utf8)
        let steps = Walkthrough(page: page).steps
        // Fewer would mean that the page is not read as it is written.
        #expect(steps.filter { $0 == .start }.count == 2)
        #expect(steps.count(where: { if case .expect = $0 { true } else { false } }) == 5)
        try await withRepositoryCopy { root in
            var system: RunningSystem?
            var output = ""
            for step in steps {
                switch step {
                case .write(let path, let text):
                    let file = "\(root)/\(path)"
                    try FileManager.default.createDirectory(
                        atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                    try text.write(toFile: file, atomically: true, encoding: .utf8)
                case .start:
                    _ = await system?.interrupt()
                    system = try await RunningSystem(dataDirectory: root + "/.annals", environment: ["ANNALS_ROOT": root])
                case .run(let commands):
                    let running = try #require(system)
                    try await running.archiveCaughtUp()
                    output = try await Shell.run(
                        "cd '\(root)'; export ANNALS_ROOT='\(root)'\n"
                            + commands.replacingOccurrences(of: "127.0.0.1:3000", with: "127.0.0.1:\(running.port)"))
                case .expect(let text):
                    #expect(output.hasSuffix(text), "\(output)")
                }
            }
            _ = await system?.interrupt()
        }
    }
}
