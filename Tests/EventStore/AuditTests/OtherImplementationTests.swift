import EventLog
import EventLogTesting
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Audit

/// Go's `golang.org/x/mod/sumdb` (Debian: golang-go, golang-golang-x-mod-dev), run on what we publish.
@Suite(.timeLimit(.minutes(10))) struct `Another implementation` {
    @Test func `agrees with checkpoints, proofs and tiles`() async throws {
        try await AuditedLog.open { audited in
            let output = try await Self.publish(audited, events: 66_000, older: 700, leaves: [0, 1, 255, 256, 699, 700, 65_535, 65_536, 65_999])
            #expect(output == "size 66000, older 700, 9 proofs\n")
        }
    }

    @Test func `refuses a tile, an entry, a proof and a checkpoint that were changed`() async throws {
        try await AuditedLog.open { audited in
            for file in ["tile/0/000", "tile/0/001.p/44", "tile/entries/000", "consistency", "proofs/3", "checkpoint", "older"] {
                let output = try await Self.publish(audited, events: 300, older: 100, leaves: [3], damaging: file)
                #expect(!output.hasPrefix("size"), "\(file)")
            }
        }
    }

    /// Publishes all that a checkpoint covers into a folder, and returns what the verifier says of it.
    private static func publish(
        _ audited: AuditedLog, events: Int64, older: Int64, leaves: [Int64], damaging: String? = nil
    ) async throws -> String {
        if try await audited.log.store.head() == 0 {
            try await audited.fill(from: 1, to: older)
            let checkpoint = try await audited.catchUp()
            try Data(checkpoint.note.description.utf8).write(to: URL(fileURLWithPath: audited.folder + "/older.note"))
            try await audited.fill(from: older + 1, to: events)
        }
        let checkpoint = try await audited.catchUp()
        let folder = audited.folder + "/published"
        try? FileManager.default.removeItem(atPath: folder)
        func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
            let url = URL(fileURLWithPath: folder + "/" + name)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url)
        }
        try write("key", "\(try audited.signer.verifier)".utf8)
        try write("checkpoint", checkpoint.note.description.utf8)
        try write("older", try Data(contentsOf: URL(fileURLWithPath: audited.folder + "/older.note")))
        let files = try await audited.merkle { log in
            var files: [(String, [UInt8])] = []
            for tile in tiles(of: events) { files.append(("\(tile)", try #require(try await log.served(tile), "\(tile)"))) }
            var prover = Prover(log, size: events)
            let consistency = try await prover.consistency(since: older).hashes.map { $0.base64 + "\n" }.joined()
            files.append(("consistency", Array(consistency.utf8)))
            for leaf in leaves {
                let proof = EventProof(index: leaf, inclusion: try await prover.inclusion(of: leaf), checkpoint: checkpoint)
                #expect(EventProof(proof.description) == proof)
                files.append(("proofs/\(leaf)", Array(proof.description.utf8)))
            }
            return files
        }
        for (name, bytes) in files { try write(name, bytes) }
        if let damaging {
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + damaging)))
            // One bit of a hash or of base64 in the fourth entry.
            let place = bytes.count > 200 ? 3 * 34 + 20 : bytes.count / 2
            bytes[place] ^= 1
            try write(damaging, bytes)
        }
        return try await GoVerifier.run(folder)
    }

    /// All tiles that a client of this tree's size may ask for.
    private static func tiles(of size: Int64) -> [Tile] {
        var tiles = GrowingTree.unfinishedTiles(size: size)
        tiles += (0..<size >> 8).map { Tile(.entries, index: $0) }
        for level in 0..<Tile.levels { tiles += (0..<Tile.count(of: level, in: size) >> 8).map { Tile(.hashes(level), index: $0) } }
        return tiles
    }
}

/// The program in the folder of that name, built once.
private enum GoVerifier {
    struct Failure: Error {
        let output: String
    }

    private static let path = FileManager.default.temporaryDirectory.path + "/annals-go-verifier-\(ProcessInfo.processInfo.processIdentifier)"

    /// The first test builds it while the others wait for the lock.
    private static let build = #"flock "$1.lock" sh -c '[ -x "$1" ] || go build -o "$1" "$2" && rm -rf "$GOCACHE"' build "$1" "$2""#

    /// Its output about a folder.
    static func run(_ folder: String) async throws -> String {
        let source = repositoryRoot + "/Tests/EventStore/AuditTests/GoVerifier/main.go"
        let environment = ProcessInfo.processInfo.environment.merging(
            ["GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": path + "-cache", "GOFLAGS": ""]
        ) { $1 }
        let built = try await ChildProgram.run(["/bin/sh", "-c", build, "build", path, source], environment: environment, isMerged: true)
        guard built.end == .exit(0), built.output.isEmpty else { throw Failure(output: built.output) }
        return try await ChildProgram.run([path, folder], isMerged: true).output
    }
}

extension AuditedLog {
    /// Events straight into the table: many, and fast.
    fileprivate func fill(from first: Int64, to last: Int64) async throws {
        try await log.run(
            """
            INSERT INTO log.events
            SELECT p, 'note-' || gen_random_uuid(), 1, gen_random_uuid(), 'Said', 1, jsonb_build_object('number', p, 'by', 'somebody'), '{}',
                date_trunc('milliseconds', now())
            FROM generate_series(\(first), \(last)) p
            """)
    }
}
