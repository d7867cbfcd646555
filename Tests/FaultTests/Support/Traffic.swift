import AppendLines
import EventSourcing
import FoundationEssentials
import TestSupport

/// The streams and values that all writers of a round fight over.
struct Ground: Sendable {
    static let kinds = ["slug", "email", "active"].map(ClaimKind.init(rawValue:))

    let streams: [StreamName]
    let values: [String]

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        streams = (0..<6).map { _ in .random(using: &random) }
        values = (0..<5).map { _ in UUID.random(using: &random).lowercased }
    }
}

/// The random requests of one writer: to hot streams and to new ones, to one and to several, with claims, with repeats; many of them must be refused.
///
/// Each event's note is `<command>/<digest>/<number>`, so that what lies in the log tells which request it came from.
struct Traffic {
    private let ground: Ground
    /// Whether requests without events change claims: nothing in the log tells when they did.
    private let mayClaimSilently: Bool
    private var random: SeededRandom
    private var known: [StreamName: Int] = [:]
    private var sent: [(request: AppendRequest, isReused: Bool)] = []

    init(on ground: Ground, seed: UInt64, mayClaimSilently: Bool = false) {
        self.ground = ground
        self.mayClaimSilently = mayClaimSilently
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> AppendRequest {
        if !sent.isEmpty, chance(7) { return repeated(Int.random(in: sent.indices, using: &random)) }
        let request = request(.init(id: .random(using: &random), digest: [1]))
        sent.append((request, false))
        return request
    }

    /// The version of a stream that an answer tells.
    mutating func learn(_ outcome: AppendOutcome) {
        switch outcome {
        case .appended(let receipt), .alreadyAppended(let receipt): known[receipt.stream] = receipt.version
        case .conflict(let stream, let actual): known[stream] = actual
        case .claimTaken, .claimMissing: break
        }
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    /// The same request again, or another one under its command's id.
    private mutating func repeated(_ index: Int) -> AppendRequest {
        let (request, isReused) = sent[index]
        guard !isReused, chance(30) else { return request }
        sent[index].isReused = true
        return self.request(.init(id: request.command.id, digest: [2]))
    }

    private mutating func request(_ command: CommandReceipt.Key) -> AppendRequest {
        let streams = streams(chance(25) ? Int.random(in: 2...3, using: &random) : 1)
        let counts = streams.map { _ in Int.random(in: 1...3, using: &random) }
        let isSilent = chance(5)
        var number = 0
        var appends: [(stream: StreamName, expected: ExpectedVersion, notes: [String])] = []
        for (stream, count) in zip(streams, counts) {
            let notes = (0..<(isSilent ? 0 : count)).map { "\(command.id.lowercased)/\(command.digest[0])/\(number + $0)" }
            number += notes.count
            appends.append((stream, expectation(of: stream), notes))
        }
        return Noted.request(appends, claims: claims(mayChange: mayClaimSilently || !isSilent), command: command)
    }

    private mutating func streams(_ count: Int) -> [StreamName] {
        var streams: [StreamName] = []
        while streams.count < count {
            let stream = chance(65) ? ground.streams[Int.random(in: ground.streams.indices, using: &random)] : .random(using: &random)
            if !streams.contains(stream) { streams.append(stream) }
        }
        return streams
    }

    private mutating func expectation(of stream: StreamName) -> ExpectedVersion {
        let version = known[stream, default: 0]
        return switch Int.random(in: 0..<20, using: &random) {
        case 0..<10: .any
        case 10..<16: version == 0 ? .none : .exactly(version)
        case 16: .none
        case 17: .exactly(version + 1)
        case 18: .exactly(max(version - 1, 0))
        case _: .exactly(1_000_000)
        }
    }

    /// None mostly; else one of a kind.
    private mutating func claims(mayChange: Bool) -> [ClaimChange] {
        guard chance(45) else { return [] }
        var claims: [ClaimChange] = []
        for kind in Ground.kinds.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random)) {
            let stream = ground.streams[Int.random(in: ground.streams.indices, using: &random)]
            let value = ground.values[Int.random(in: ground.values.indices, using: &random)]
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: if mayChange { claims.append(.take(kind, value: value)) }
            case 5..<8: if mayChange { claims.append(.release(kind)) }
            case _: claims.append(.require(kind, holder: stream))
            }
        }
        return claims
    }
}

extension UUID {
    static func random(using random: inout SeededRandom) -> UUID { .v7(at: Timestamp(milliseconds: 1_767_225_600_000), using: &random) }
}

extension StreamName {
    static func random(using random: inout SeededRandom) -> StreamName { StreamName("note", .random(using: &random)) }
}
