import TestSupport
import Testing

@testable import Gateway

private let start = ContinuousClock.now

@Suite struct `Calls that want to go to a service` {
    private var settings: SheddingSettings {
        var settings = SheddingSettings()
        (settings.concurrency, settings.reads, settings.queue) = (4, 3, 2)
        return settings
    }

    private func lanes(running: Int = 0, reads: Int = 0) -> Lanes {
        let lanes = Lanes(settings)
        for _ in 0..<running { #expect(lanes.enter(.essential)) }
        for _ in 0..<reads { #expect(lanes.enter(.read)) }
        return lanes
    }

    @Test func `go at once while there is room, and reads leave some of it to the others`() {
        let lanes = lanes(reads: 3)
        #expect(!lanes.enter(.read))
        #expect(lanes.enter(.essential))
        #expect(!lanes.enter(.essential))
    }

    @Test func `wait in their order, essential ones first`() {
        let lanes = lanes(running: 2, reads: 2)
        lanes.join("read", .read)
        lanes.join("first", .essential)
        lanes.join("second", .essential)
        #expect(lanes.end(.essential) == ["first"])
        #expect(lanes.end(.essential) == ["second"])
        #expect(lanes.end(.essential) == ["read"])
        #expect(lanes.isEmpty)
    }

    @Test func `don't overtake those who wait`() {
        let lanes = lanes(running: 4)
        lanes.join("waiting", .read)
        #expect(!lanes.enter(.read))
    }

    @Test func `are refused at once where the queue is full`() {
        let lanes = lanes(running: 4)
        lanes.join("one", .read)
        lanes.join("two", .read)
        #expect(lanes.wait("three", in: .read) == .refused)
        #expect(lanes.wait("command", in: .essential) == .waiting)
    }

    @Test func `may wait for long in a burst, and briefly once the queue stands`() {
        let lanes = lanes(running: 4)
        lanes.join("burst", .read)
        #expect(lanes.expire(at: start + settings.interval - .milliseconds(1)) == [])
        lanes.join("late", .read, at: start + settings.interval)
        #expect(lanes.expire(at: start + settings.interval) == ["burst"])
        // The queue has not been empty since the start.
        #expect(lanes.expire(at: start + settings.interval + settings.target - .milliseconds(1)) == [])
        #expect(lanes.expire(at: start + settings.interval + settings.target) == ["late"])
    }

    @Test func `come newest first once the queue stands`() {
        let lanes = lanes(running: 4)
        lanes.join("old", .read)
        let later = start + settings.interval + .milliseconds(1)
        lanes.join("new", .read, at: later)
        let left = lanes.leave(.essential, at: later)
        #expect(left?.admitted == ["new"] && left?.refused == ["old"])
    }

    @Test func `wait longer when they are essential`() {
        let lanes = lanes(running: 4)
        lanes.join("command", .essential)
        #expect(lanes.expire(at: start + settings.interval * 4 - .milliseconds(1)) == [])
        #expect(lanes.expire(at: start + settings.interval * 4) == ["command"])
    }

    @Test func `wait no longer than their request has time`() {
        let lanes = lanes(running: 4)
        _ = lanes.wait("hurried", in: .essential, until: start + .milliseconds(3))
        #expect(lanes.expire(at: start + .milliseconds(2)) == [])
        #expect(lanes.expire(at: start + .milliseconds(3)) == ["hurried"])
    }

    @Test func `that are patient are no more than a quarter of the reads, and let others past`() {
        var settings = SheddingSettings()
        (settings.concurrency, settings.reads) = (9, 8)
        let lanes = Lanes(settings)
        for _ in 0..<2 { #expect(lanes.enter(.patientRead)) }
        lanes.join("patient", .patientRead)
        for _ in 0..<6 { #expect(lanes.enter(.read)) }
        #expect(!lanes.enter(.read) && lanes.enter(.essential))
        lanes.join("read", .read)
        #expect(lanes.end(.patientRead) == ["read"])
        #expect(lanes.end(.read) == ["patient"])
    }

    @Test func `that are patient make no queue stand`() {
        var settings = SheddingSettings()
        (settings.concurrency, settings.reads) = (9, 4)
        let lanes = Lanes(settings)
        #expect(lanes.enter(.patientRead))
        for _ in 0..<3 { #expect(lanes.enter(.read)) }
        lanes.join("patient", .patientRead)
        let later = start + settings.interval * 3
        lanes.join("burst", .read, at: later)
        // Nobody else has waited: this is a burst.
        #expect(lanes.expire(at: later + settings.interval - .milliseconds(1)) == [])
        #expect(lanes.expire(at: later + settings.interval) == ["burst", "patient"])
    }

    @Test func `are answered once each, and never more than there is room for`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            var lanes = AdmissionLanes<UInt64>(settings, at: start)
            var now = start
            var running: [AdmissionLane] = []
            var waiting: [UInt64: AdmissionLane] = [:]
            for _ in 0..<300 {
                now += .milliseconds(Int.random(in: 0...20, using: &random))
                let lane = [AdmissionLane.read, .patientRead, .essential].randomElement(using: &random) ?? .read
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !running.isEmpty:
                    let left = lanes.leave(running.remove(at: Int.random(in: running.indices, using: &random))) { now }
                    for waiter in left?.refused ?? [] { #expect(waiting.removeValue(forKey: waiter) != nil, "seed \(seed)") }
                    for waiter in left?.admitted ?? [] {
                        let lane = waiting.removeValue(forKey: waiter)
                        #expect(lane != nil, "seed \(seed)")
                        if let lane { running.append(lane) }
                    }
                case 1: for waiter in lanes.expire(at: now) { #expect(waiting.removeValue(forKey: waiter) != nil, "seed \(seed)") }
                case 2:
                    guard let id = waiting.keys.randomElement(using: &random) else { break }
                    let (removed, again) = (lanes.remove(id), lanes.remove(id))
                    #expect(removed == id && again == nil, "seed \(seed)")
                    waiting[id] = nil
                default:
                    if lanes.enter(lane) {
                        running.append(lane)
                    } else {
                        let id = lanes.nextID()
                        switch lanes.wait(id, id: id, in: lane, until: nil, at: now) {
                        case .admitted: running.append(lane)
                        case .waiting: waiting[id] = lane
                        case .refused: #expect(waiting.values.count { $0 == lane } == settings.queue, "seed \(seed)")
                        }
                    }
                }
                #expect(running.count <= settings.concurrency && running.count { $0 != .essential } <= settings.reads, "seed \(seed)")
                #expect(running.count { $0 == .patientRead } <= settings.patientReads, "seed \(seed)")
                #expect(lanes.isEmpty == waiting.isEmpty, "seed \(seed)")
            }
        }
    }
}

/// The lanes, and what is done with them.
private final class Lanes {
    private var lanes: AdmissionLanes<String>

    init(_ settings: SheddingSettings) { lanes = AdmissionLanes(settings, at: start) }

    var isEmpty: Bool { lanes.isEmpty }

    func enter(_ lane: AdmissionLane) -> Bool { lanes.enter(lane) }

    func wait(
        _ name: String, in lane: AdmissionLane, until deadline: ContinuousClock.Instant? = nil, at now: ContinuousClock.Instant = start
    ) -> AdmissionLanes<String>.Answer { lanes.wait(name, id: lanes.nextID(), in: lane, until: deadline, at: now) }

    func join(_ name: String, _ lane: AdmissionLane, at now: ContinuousClock.Instant = start) { #expect(wait(name, in: lane, at: now) == .waiting) }

    func expire(at now: ContinuousClock.Instant) -> [String] { lanes.expire(at: now) }

    /// Those who may go on, and those who are refused, when a call has ended.
    func leave(_ lane: AdmissionLane, at now: ContinuousClock.Instant) -> (admitted: [String], refused: [String])? { lanes.leave(lane) { now } }

    func end(_ lane: AdmissionLane) -> [String]? { leave(lane, at: start)?.admitted }
}
