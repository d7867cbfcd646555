import Foundation
import Testing

@testable import Audit

@Suite struct `An export's file` {
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("export-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [true, false]) func `is there once it is whole, and not before`(namelessly: Bool) throws {
        try Self.withFolder { folder in
            let file = try ExportFile(path: folder + "/out", namelessly: namelessly)
            try file.write(Array("some".utf8))
            #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
            try file.write(Array(" text".utf8))
            try file.publish()
            #expect(try Self.text(folder + "/out") == "some text")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out"])
            let mode = try FileManager.default.attributesOfItem(atPath: folder + "/out")[.posixPermissions] as? Int
            #expect(mode == 0o600, "it may hold personal data")
        }
    }

    @Test(arguments: [true, false]) func `takes the place of an older one only when it is whole`(namelessly: Bool) throws {
        try Self.withFolder { folder in
            try "old".write(toFile: folder + "/out", atomically: false, encoding: .utf8)
            let given = try ExportFile(path: folder + "/out", namelessly: namelessly)
            try given.write(Array("half".utf8))
            given.abandon()
            #expect(try Self.text(folder + "/out") == "old")
            let file = try ExportFile(path: folder + "/out", namelessly: namelessly)
            try file.write(Array("new".utf8))
            #expect(try Self.text(folder + "/out") == "old")
            try file.publish()
            #expect(try Self.text(folder + "/out") == "new")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out"])
        }
    }

    @Test func `leaves a link in its place`() throws {
        try Self.withFolder { folder in
            try "old".write(toFile: folder + "/real", atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "real")
            let file = try ExportFile(path: folder + "/link")
            try file.write(Array("new".utf8))
            try file.publish()
            #expect(try Self.text(folder + "/real") == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "real")
        }
    }

    @Test func `does not take the place of what is no file`() throws {
        try Self.withFolder { folder in
            for path in [folder, "/dev/null"] {
                let error = #expect(throws: ExportOutputError.self) { try ExportFile(path: path) }
                #expect(error?.description == "\(path) is not a file")
            }
            let error = #expect(throws: ExportOutputError.self) { try ExportFile(path: folder + "/none/out") }
            #expect(error?.description == "\(folder)/none/out can't be written: No such file or directory")
        }
    }

    @Test func `is refused at the start where it could not get its name in the end`() throws {
        try Self.withFolder { folder in
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "nothing")
            let long = folder + "/" + String(repeating: "x", count: 256)
            for (path, words) in [
                ("", "'' names no file"), (folder + "/none/", "'\(folder)/none/' names no file"),
                (long, "\(long) can't be written: File name too long"),
                (folder + "/link", "\(folder)/link is a link to nothing"),
            ] {
                let error = #expect(throws: ExportOutputError.self) { try ExportFile(path: path) }
                #expect(error?.description == words)
            }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "nothing")
        }
    }

    @Test(arguments: [true, false]) func `has a name as long as any`(namelessly: Bool) throws {
        try Self.withFolder { folder in
            for name in [String(repeating: "x", count: 255), String(repeating: "\u{FC}", count: 127)] {
                let file = try ExportFile(path: "\(folder)/\(name)", namelessly: namelessly)
                try file.write(Array("text".utf8))
                try file.publish()
                #expect(try Self.text("\(folder)/\(name)") == "text")
            }
        }
    }
}
