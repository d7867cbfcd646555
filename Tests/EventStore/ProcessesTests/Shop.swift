import EventSourcing
import Foundation
import JSON
import Processes
import Synchronization

/// The classic example: reserve stock, charge the card, confirm the order. Stock and charge can be taken back, a confirmation can't.
struct OrderProcess: ProcessManager {
    let kind = "order"
    let patience = Duration.seconds(600)
    let shop: Shop

    func messages(in event: RecordedEvent) -> [ProcessMessage] {
        switch event.type {
        case "OrderPlaced": [ProcessMessage(event.stream.id, .start(input: event.data))]
        case "OrderWithdrawn": [ProcessMessage(event.stream.id, .reply(name: "withdrawn", [:]))]
        default: []
        }
    }

    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] {
        switch news {
        case .started:
            if let time = state.input["chargedBy"]?.text.flatMap({ Timestamp($0) }) {
                return [.wait(step: "charging", until: time), Self.issue("reserve", undo: "release")]
            }
            guard let time = state.input["paidBy"]?.text.flatMap({ Timestamp($0) }) else { return [Self.issue("reserve", undo: "release")] }
            return [.wait(step: "payment", until: time)]
        case .replied("withdrawn", _): return [.compensate(reason: "withdrawn")]
        case .replied: return []
        case .stepDone("reserve", _): return [Self.issue("charge", undo: "refund")]
        case .stepDone("charge", _): return [.stopWaiting(step: "charging"), Self.issue("confirm", isPivot: true)]
        case .stepDone("confirm", _): return [Self.issue("send")]
        case .stepDone: return [.end(.completed)]
        case .stepRefused(let step, let reason): return [.compensate(reason: "\(step): \(reason)")]
        case .deadlinePassed("charging"): return [.compensate(reason: "not charged in time")]
        case .deadlinePassed: return [Self.issue("reserve", undo: "release")]
        }
    }

    private static func issue(_ name: String, undo: String? = nil, isPivot: Bool = false) -> ProcessDecision {
        .issue(step: name, ["do": .string(name)], undo: undo.map { ["do": .string($0)] }, isPivot: isPivot)
    }

    func execute(_ command: ProcessCommand) async throws -> CommandOutcome { try shop.carryOut(command) }
}

/// The work of the commands of orders. It knows each command by its id, and does it once.
final class Shop: Sendable {
    struct Away: Error {}

    private struct Contents {
        var done: [UUID: String] = [:]
        var effects: [String] = []
        var refused: Set<String> = []
        var away: Set<String> = []
        /// How many boundaries are passed before the crash; nil for none.
        var left: Int?
        var passed = 0
    }

    struct Crash: Error {}

    private let contents = Mutex(Contents())

    /// The words of the commands that had an effect, in order.
    var effects: [String] { contents.withLock(\.effects) }
    var boundaries: Int { contents.withLock(\.passed) }

    func refuse(_ words: String...) { contents.withLock { $0.refused.formUnion(words) } }
    func accept(_ word: String) { contents.withLock { _ = $0.refused.remove(word) } }
    func setAway(_ words: Set<String>) { contents.withLock { $0.away = words } }
    func crash(after boundaries: Int?) { contents.withLock { ($0.left, $0.passed) = (boundaries, 0) } }

    /// Here the process may die.
    func boundary() throws {
        try contents.withLock { contents in
            contents.passed += 1
            guard let left = contents.left else { return }
            if left == 0 {
                contents.left = nil
                throw Crash()
            }
            contents.left = left - 1
        }
    }

    func carryOut(_ command: ProcessCommand) throws -> CommandOutcome {
        let word = command.body["do"]?.text ?? ""
        return try contents.withLock { contents in
            if contents.away.contains(word) { throw Away() }
            if contents.refused.contains(word) { return .refused("no \(word)") }
            // A step that was never done needs no undoing.
            if contents.done[command.id] == nil {
                contents.done[command.id] = word
                contents.effects.append(word)
            }
            return .done([:])
        }
    }
}
