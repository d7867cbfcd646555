import Foundation
import TestSupport
import Testing

@Suite struct `The sources` {
    @Test(.timeLimit(.minutes(15))) func `are formatted as .swift-format says`() async throws {
        let lint = ["/usr/bin/env", "swift", "format", "lint", "--strict", "-r", "Sources", "Tests", "Package.swift"]
        let (end, _, complaints) = try await ChildProgram.run(lint)
        #expect(end == .exit(0), "\(complaints.prefix(4000))")
    }

    /// The formatter looks at code and leaves comments as they are.
    @Test func `keep their comments within 150 columns`() async throws {
        let lines = try await SourceTree.lines(of: ["Sources", "Tests"]) { $0.code == nil && $0.text.unicodeScalars.count > 150 }
        #expect(lines.isEmpty, "\(lines.map(\.place))")
    }

    @Test func `begin no comment with a clause as its subject`() async throws {
        let lines = try await SourceTree.lines(of: ["Sources", "Tests"]) { line in
            let text = line.text.trimmingCharacters(in: .whitespaces)
            guard text.hasPrefix("//") else { return false }
            let words = text.drop { $0 == "/" || $0 == " " }
            return ["What ", "Who ", "Whose ", "Whoever ", "Whatever ", "To whom "].contains { words.hasPrefix($0) }
        }
        #expect(lines.isEmpty, "\(lines.map(\.place))")
    }

    @Test func `of tests end every wait with the test`() async throws {
        // A loop that yields goes on when its task is cancelled, unless it looks: `eventually` does.
        let lines = try await SourceTree.lines(of: ["Tests"]) { $0.code?.range(of: #"while .*Task\.yield\(\)"#, options: .regularExpression) != nil }
        #expect(lines.isEmpty, "\(lines.map(\.place))")
    }

    @Test func `leave neither structured concurrency nor checked types`() async throws {
        let forbidden = #"(^|[^A-Za-z.])Task \{|Task\.detached|try!| as! |fatalError\(\)"#
        let lines = try await SourceTree.lines(of: ["Sources"]) { $0.code?.range(of: forbidden, options: .regularExpression) != nil }
        #expect(lines.isEmpty, "\(lines.map { "\($0.place): \($0.text)" })")
    }

    @Test func `say beside each unchecked Sendable why it is safe`() throws {
        for file in try SourceTree.files(of: ["Sources"]) {
            let lines = try SourceTree.lines(in: file)
            for (index, line) in lines.enumerated() where line.code?.contains("@unchecked Sendable") == true {
                let before = lines[max(0, index - 4)..<index].contains { $0.text.trimmingCharacters(in: .whitespaces).hasPrefix("//") }
                #expect(before, "\(line.place)")
            }
        }
    }

    @Test func `give no type its module's name`() async throws {
        for module in try SourceTree.modules() {
            let declared = try await SourceTree.lines(of: [module.path]) { line in
                guard let code = line.code else { return false }
                return ["struct", "enum", "class", "actor", "protocol"].contains { kind in
                    code.hasPrefix("package \(kind) \(module.name)") || code.hasPrefix("package final \(kind) \(module.name)")
                } && code.range(of: "\\b\(module.name)\\b\\s*[:<{]", options: .regularExpression) != nil
            }
            #expect(declared.isEmpty, "\(declared.map(\.place))")
        }
    }
}

@Suite struct `The event store and the platform` {
    @Test func `name no event of the domain`() async throws {
        let types = try FileManager.default.contentsOfDirectory(atPath: SourceTree.root.path + "/Tests/Publishing/PublishingTests/Golden")
            .compactMap { $0.split(separator: ".").first.map(String.init) }
        #expect(types.count > 10)
        let lines = try await SourceTree.lines(of: ["Sources/Platform", "Sources/EventStore"]) { line in
            guard let code = line.code else { return false }
            return types.contains { code.contains($0) }
        }
        #expect(lines.isEmpty, "\(lines.map { "\($0.place): \($0.text)" })")
    }
}

@Suite struct `The folder tree` {
    @Test func `has a test folder for each folder of the sources`() throws {
        for layer in try SourceTree.folders("Sources") {
            #expect(FileManager.default.fileExists(atPath: SourceTree.root.path + "/Tests/\(layer)"), "Tests/\(layer) is missing")
        }
    }

    @Test func `keeps nine files of ten below 200 lines`() throws {
        let sizes = try SourceTree.files(of: ["Sources"]).map { try SourceTree.lines(in: $0).count }
        let large = sizes.filter { $0 > 200 }.count
        #expect(large * 10 <= sizes.count, "\(large) of \(sizes.count) files have more than 200 lines")
    }

    @Test func `has no drawer for what found no name`() throws {
        let drawers = ["Utils", "Common", "Helpers", "Manager", "Misc"]
        // A process manager is a term of the field.
        let names = try SourceTree.files(of: ["Sources", "Tests"]).filter { file in
            drawers.contains { file.path.replacing("ProcessManager", with: "").contains($0) }
        }
        #expect(names.isEmpty, "\(names)")
    }
}
