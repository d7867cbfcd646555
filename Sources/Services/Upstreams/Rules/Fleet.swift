/// The instances of a service, and the choice among them. Pure: no clock, no sockets.
struct Fleet {
    typealias Instant = ContinuousClock.Instant

    struct Member {
        fileprivate let id: Int
        let instance: Instance
        fileprivate(set) var breaker: CircuitBreaker
        fileprivate(set) var ejection: Ejection
        /// Calls on their way.
        fileprivate(set) var outstanding = 0
        fileprivate var isBeingChecked = false
        fileprivate var wasChecked = false
    }

    /// A call's place at an instance; it is given back with the call's verdict.
    struct Place: Sendable {
        fileprivate let id: Int
        fileprivate let permit: CircuitBreaker.Permit
        let instance: Instance
    }

    enum Choice {
        case place(Place)
        /// The breakers of all are open; one may be tried at this time.
        case none(until: Instant)
    }

    /// Something that the log is told.
    struct Change: Equatable {
        let instance: Instance
        let message: String
    }

    private let settings: UpstreamSettings
    private(set) var members: [Member] = []
    private var lastID = 0

    init(_ settings: UpstreamSettings) { self.settings = settings }

    /// The instances as they are now. Those that stay keep what is known of them.
    mutating func replace(with instances: [Instance]) {
        let known = Dictionary(members.map { ($0.instance, $0) }) { first, _ in first }
        var seen: Set<Instance> = []
        members = instances.filter { seen.insert($0).inserted }.map { instance in
            if let member = known[instance] { return member }
            lastID += 1
            return Member(
                id: lastID, instance: instance, breaker: CircuitBreaker(settings.breaker), ejection: Ejection(settings.ejection))
        }
    }

    /// The one of two random instances that has fewer calls on their way.
    ///
    /// Those in good standing come before the ejected, and those that were not tried for this call before those that were. When all are ejected the
    /// one with the fewest failures is taken.
    mutating func choose(avoiding tried: [Instance] = [], at now: Instant, using random: inout some RandomNumberGenerator) -> Choice {
        var best = Rank.excluded
        var count = 0
        for member in members {
            let rank = rank(of: member, tried, now)
            guard rank != .excluded, rank <= best else { continue }
            count = rank < best ? 1 : count + 1
            best = rank
        }
        guard best != .excluded else { return .none(until: members.compactMap { $0.breaker.opening }.min() ?? now) }
        let equals = members.indices.lazy.filter { [self] in self.rank(of: members[$0], tried, now) == best }
        let index: Int
        if best.isOut {
            index = equals.min { members[$0].badness < members[$1].badness } ?? 0
        } else if count == 1 {
            index = equals.first ?? 0
        } else {
            let first = Int.random(in: 0..<count, using: &random)
            let second = (first + Int.random(in: 1..<count, using: &random)) % count
            let pair = (equals.dropFirst(first).first ?? 0, equals.dropFirst(second).first ?? 0)
            index = members[pair.1].outstanding < members[pair.0].outstanding ? pair.1 : pair.0
        }
        guard let permit = members[index].breaker.admit(at: now) else { return .none(until: now) }
        members[index].outstanding += 1
        return .place(Place(id: members[index].id, permit: permit, instance: members[index].instance))
    }

    /// Whether an instance in good standing is left that was not tried.
    func hasOther(than tried: [Instance], at now: Instant) -> Bool { members.contains { rank(of: $0, tried, now) == .good } }

    /// Takes the verdict of a call. Says what it has changed.
    mutating func record(_ verdict: Verdict, at place: Place, now: Instant) -> [Change] {
        guard let index = members.firstIndex(where: { $0.id == place.id }) else { return [] }
        let isLast = (verdict == .bad || verdict == .gone) && !members.indices.contains { $0 != index && !members[$0].ejection.isOut(at: now) }
        return update(index, at: now) { member in
            member.breaker.record(verdict, of: place.permit, at: now)
            switch verdict {
            case .good: member.ejection.succeeded()
            case .bad: member.ejection.failed(isLast: isLast, at: now)
            case .gone: member.ejection.failed(isGone: true, isLast: isLast, at: now)
            case .none: break
            }
        }
    }

    /// A call has ended, its answer passed on.
    mutating func leave(_ place: Place) {
        guard let index = members.firstIndex(where: { $0.id == place.id }) else { return }
        members[index].outstanding -= 1
    }

    /// The instances to be asked now whether they are ready: all, or those that are new or in trouble, and none that is being asked.
    mutating func startChecks(isFullRound: Bool, at now: Instant) -> [Instance] {
        var due: [Instance] = []
        for index in members.indices where !members[index].isBeingChecked {
            guard isFullRound || !members[index].wasChecked || members[index].ejection.isOut(at: now) || members[index].breaker.phase != .closed
            else { continue }
            members[index].isBeingChecked = true
            due.append(members[index].instance)
        }
        return due
    }

    /// An instance was asked whether it is ready; nil when it could not be asked. Says what that has changed.
    mutating func checked(_ instance: Instance, isReady: Bool?, asked: Instant, now: Instant) -> [Change] {
        guard let index = members.firstIndex(where: { $0.instance == instance }) else { return [] }
        members[index].isBeingChecked = false
        guard let isReady else { return [] }
        members[index].wasChecked = true
        return update(index, at: now) { member in
            member.ejection.checked(isReady: isReady, asked: asked)
            if isReady { member.breaker.tryAgain(ifOpenedBefore: asked) }
        }
    }

    private mutating func update(_ index: Int, at now: Instant, _ body: (inout Member) -> Void) -> [Change] {
        let (old, wasOut) = (UpstreamState.Breaker(members[index].breaker.phase), members[index].ejection.isOut(at: now))
        body(&members[index])
        let (new, isOut) = (UpstreamState.Breaker(members[index].breaker.phase), members[index].ejection.isOut(at: now))
        var changes: [Change] = []
        if new != old { changes.append(Change(instance: members[index].instance, message: "the breaker of an instance is \(new.rawValue)")) }
        if isOut != wasOut {
            changes.append(
                Change(instance: members[index].instance, message: isOut ? "an instance is passed over" : "an instance is taken back"))
        }
        return changes
    }

    /// The order in which instances are preferred.
    private enum Rank: Int, Comparable {
        case good, goodAgain, out, outAgain, excluded

        var isOut: Bool { self == .out || self == .outAgain }

        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
    }

    private func rank(of member: Member, _ tried: [Instance], _ now: Instant) -> Rank {
        guard member.breaker.admits(at: now) else { return .excluded }
        let isTried = tried.contains(member.instance)
        return member.ejection.isOut(at: now) ? isTried ? .outAgain : .out : isTried ? .goodAgain : .good
    }
}

extension Fleet.Member {
    fileprivate var badness: (Int, Int) { (ejection.failures, outstanding) }
}
