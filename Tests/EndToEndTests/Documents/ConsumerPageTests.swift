import Foundation
import TestSupport
import Testing

/// The page as its reader goes through it: files to write, a start, and what one shell runs and prints after that.
private struct Walkthrough {
    var files: [String: String] = [:]
    var start = ""
    /// Beside `outputs`.
    var commands: [String] = []
    var outputs: [String] = []

    init(page: String) {
        var named = ""
        for (number, part) in page.components(separatedBy: "\n```").enumerated() {
            guard number % 2 == 1 else {
                named = part.matches(of: #/`([a-z_]+\.py)`:/#).last.map { String($0.output.1) } ?? ""
                continue
            }
            let lines = part.components(separatedBy: "\n")
            let text = lines.dropFirst().joined(separator: "\n")
            switch lines.first {
            case "python": files[named] = text + "\n"
            case "text": outputs[outputs.count - 1] = text + "\n"
            default:
                if text.hasSuffix(" bin/up") {
                    start = text
                } else {
                    commands.append(text)
                    outputs.append("")
                }
            }
        }
    }

    /// The variables in front of `bin/up`.
    var environment: [String: String] {
        Dictionary(
            uniqueKeysWithValues: start.split(separator: " ").dropLast().map { word in
                let parts = word.split(separator: "=", maxSplits: 1)
                return (String(parts[0]), String(parts[1]))
            })
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `The page of the notification service` {
    @Test func `holds word by word`() async throws {
        let walkthrough = Walkthrough(page: try String(contentsOfFile: repositoryRoot + "/docs/consume-events.md", encoding: .utf8))
        // Fewer would mean that the page is not read as it is written.
        #expect(walkthrough.files.keys.sorted() == ["from_rabbitmq.py", "from_redis.py", "mailer.py"])
        #expect(walkthrough.commands.count == 3 && walkthrough.outputs.filter { !$0.isEmpty }.count == 2)
        let rabbitMQ = try await RabbitMQServer.shared
        try await RedisServer.with { redis in
            let mail = try ChildServer.freePort()
            func placed(_ text: String, api: Int = 3000) -> String {
                text.replacing(":5672", with: ":\(rabbitMQ.port)").replacing(":6379", with: ":\(redis.port)").replacing("8025", with: "\(mail)")
                    .replacing(":3000", with: ":\(api)")
            }
            try await withSystem(environment: walkthrough.environment.mapValues { placed($0) }) { system, _ in
                try await withDataDirectory { folder in
                    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                    for (name, text) in walkthrough.files {
                        try placed(text, api: system.port).write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
                    }
                    let mark = "--- next ---"
                    let script = placed(walkthrough.commands.joined(separator: "\necho '\(mark)'\n"), api: system.port)
                    let (output, errors) = try await run("cd '\(folder)'; trap 'kill $(jobs -p)' EXIT\n" + script)
                    #expect(output.components(separatedBy: mark + "\n") == walkthrough.outputs, "\(output)\(errors)")
                }
            }
        }
    }

    /// In one shell, where `pip` finds installed what it is to install.
    private func run(_ script: String) async throws -> (output: String, errors: String) {
        let folder = repositoryRoot + "/Tests/EndToEndTests/Documents/Consumers"
        let (_, output, errors) = try await ChildProgram.run([repositoryRoot + "/Tests/python", folder, "shell.py", script])
        return (output, errors)
    }
}
