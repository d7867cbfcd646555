import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// Calls of three kinds without pause, each kind answered by another service, and what they met with.
final class Traffic: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// The query service answers, the command service, the auth service.
        case read, write, keys
    }

    struct Outcome: Sendable, CustomStringConvertible {
        let kind: Kind
        /// 0 when there was no answer.
        let status: Int
        /// The problem's code, or the client's error.
        let code: String
        let hasLimit: Bool

        var isGood: Bool { 200..<300 ~= status }
        var description: String { "\(kind.rawValue) \(status) \(code)" }
    }

    private let gateways: [String]
    private let token: String
    private let hasKeys: Bool
    private let outcomes = Mutex<[Outcome]>([])
    private let isEnding = Flag()
    /// How each gateway does: 0 does not answer, 1 answers, 2 is ready.
    private let standing: Mutex<[Int]>

    private init(_ gateways: [String], token: String, hasKeys: Bool) {
        self.gateways = gateways
        self.token = token
        self.hasKeys = hasKeys
        standing = Mutex(gateways.map { _ in 2 })
    }

    /// Calls until `body` is done, and until each call has its answer.
    /// - Parameters:
    ///   - gateways: called as a load balancer does it: the ready ones in turn.
    ///   - hasKeys: whether writes have an idempotency key.
    static func run(_ gateways: [String], as author: Client, hasKeys: Bool = false, _ body: (Traffic) async throws -> Void) async throws {
        let traffic = Traffic(gateways, token: try #require(author.token), hasKeys: hasKeys)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (kind, count) in [(Kind.read, 3), (.write, 2), (.keys, 1)] {
                for number in 0..<count { group.addTask { await traffic.call(kind, from: number) } }
            }
            if gateways.count > 1 { for number in gateways.indices { group.addTask { await traffic.watch(number) } } }
            defer { traffic.isEnding.set() }
            try await body(traffic)
        }
    }

    /// The outcomes since this was asked last.
    func take() -> [Outcome] {
        outcomes.withLock { outcomes in
            defer { outcomes = [] }
            return outcomes
        }
    }

    /// The calls so far that failed.
    var failures: [Outcome] { outcomes.withLock { $0.filter { !$0.isGood } } }

    /// Waits until so many more calls of each of these kinds have succeeded.
    func succeed(_ count: Int = 20, _ kinds: [Kind] = Kind.allCases) async throws {
        let start = outcomes.withLock { $0.count }
        try await pacedly { [self] in
            let later = outcomes.withLock { $0.dropFirst(start) }
            return kinds.allSatisfy { kind in later.count { $0.kind == kind && $0.isGood } >= count }
        }
    }

    /// Waits until the last calls of each kind have all succeeded.
    func settle(_ count: Int = 10) async throws {
        let start = outcomes.withLock { $0.count }
        try await pacedly { [self] in
            let later = outcomes.withLock { $0.dropFirst(start) }
            return Kind.allCases.allSatisfy { kind in
                let last = later.filter { $0.kind == kind }.suffix(count)
                return last.count == count && last.allSatisfy(\.isGood)
            }
        }
    }

    /// Waits until a call of a kind has failed.
    func fail(_ kind: Kind) async throws { try await pacedly { [self] in failures.contains { $0.kind == kind } } }

    /// Looks now and then: the calls need the processor more.
    private func pacedly(_ isSo: () -> Bool) async throws {
        try await eventually {
            try await Task.sleep(for: .milliseconds(10))
            return isSo()
        }
    }

    private func call(_ kind: Kind, from number: Int) async {
        var turn = number
        while !isEnding.isSet {
            turn += 1
            let outcome = await outcome(of: kind, at: gateway(turn))
            outcomes.withLock { $0.append(outcome) }
            // The processor is the others', too; and a refused connection would be tried thousands of times.
            try? await Task.sleep(for: .milliseconds(outcome.isGood ? 3 : 20))
        }
    }

    private func gateway(_ turn: Int) -> String {
        let best = standing.withLock { standing in standing.indices.filter { standing[$0] == standing.max() } }
        return gateways[best[turn % best.count]]
    }

    private func watch(_ number: Int) async {
        while !isEnding.isSet {
            let answer = try? await HTTPClient.shared.execute(HTTPClientRequest(url: gateways[number] + "/ready"), timeout: .seconds(2))
            let state = answer.map { $0.status == .ok ? 2 : 1 } ?? 0
            standing.withLock { $0[number] = state }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private func outcome(of kind: Kind, at gateway: String) async -> Outcome {
        let author = Client(base: gateway + "/api/v1", token: token)
        do {
            let answer =
                switch kind {
                case .read: try await Client(base: author.base).call(.GET, "/posts?limit=3")
                case .write:
                    try await author.call(
                        .POST, "/posts", json: #"{"title":"\#(UUID())","content":"x"}"#, headers: hasKeys ? ["Idempotency-Key": "\(UUID())"] : [:])
                case .keys: try await Client(base: gateway).call(.GET, "/.well-known/jwks.json")
                }
            return Outcome(kind: kind, status: answer.status, code: answer.code ?? "", hasLimit: answer.headers.contains(name: "RateLimit"))
        } catch {
            return Outcome(kind: kind, status: 0, code: "\(error)", hasLimit: false)
        }
    }
}
