package import EventSourcing
import FoundationEssentials

/// The outcome of the request with the same number, as a line of JSON.
package struct AnswerLine: Sendable {
    package enum Answer: Sendable, Hashable {
        case outcome(AppendOutcome)
        /// The log could not be reached: the request may be sent again.
        case unavailable(reason: String)
        /// Anything else.
        case failed(reason: String)
    }

    package let number: Int
    package let answer: Answer

    package init(number: Int, answer: Answer) {
        self.number = number
        self.answer = answer
    }

    /// Reads a line; throws `UnreadableLine`, or what the decoder throws.
    package init(_ line: String) throws {
        let form = try JSONDecoder().decode(Form.self, from: Data(line.utf8))
        number = form.number
        answer = try form.answer()
    }

    /// The line, without its end.
    package func text() throws -> String {
        String(decoding: try JSONEncoder().encode(Form(number, answer)), as: UTF8.self)
    }
}

private struct Form: Codable {
    struct Receipt: Codable {
        let command: UUID
        let digest: [UInt8]
        let first: Int64?
        let last: Int64
        let recordedAt: Int64
    }

    var number: Int
    var word: String
    var receipt: Receipt?
    var stream: String?
    var version: Int?
    var kind: String?
    var reason: String?

    init(_ number: Int, _ answer: AnswerLine.Answer) {
        self.number = number
        switch answer {
        case .outcome(.appended(let receipt)):
            word = "appended"
            add(receipt)
        case .outcome(.alreadyAppended(let receipt)):
            word = "alreadyAppended"
            add(receipt)
        case .outcome(.conflict(let stream, let actual)): (word, self.stream, version) = ("conflict", stream.description, actual)
        case .outcome(.claimTaken(let kind)): (word, self.kind) = ("claimTaken", kind.rawValue)
        case .outcome(.claimMissing(let kind, let holder)):
            (word, self.kind, stream) = ("claimMissing", kind.rawValue, holder.description)
        case .unavailable(let reason): (word, self.reason) = ("unavailable", reason)
        case .failed(let reason): (word, self.reason) = ("failed", reason)
        }
    }

    private mutating func add(_ receipt: CommandReceipt) {
        (stream, version) = (receipt.stream.description, receipt.version)
        self.receipt = Receipt(
            command: receipt.key.id, digest: receipt.key.digest, first: receipt.firstPosition, last: receipt.lastPosition,
            recordedAt: receipt.recordedAt.milliseconds)
    }

    func answer() throws -> AnswerLine.Answer {
        let stream = try stream.map { try StreamName(line: $0) }
        switch (word, stream, version, kind.map(ClaimKind.init(rawValue:)), reason) {
        case ("appended", let stream?, let version?, _, _): return .outcome(.appended(try receipt(stream, version)))
        case ("alreadyAppended", let stream?, let version?, _, _): return .outcome(.alreadyAppended(try receipt(stream, version)))
        case ("conflict", let stream?, let version?, _, _): return .outcome(.conflict(stream: stream, actual: version))
        case ("claimTaken", _, _, let kind?, _): return .outcome(.claimTaken(kind))
        case ("claimMissing", let stream?, _, let kind?, _): return .outcome(.claimMissing(kind, holder: stream))
        case ("unavailable", _, _, _, let reason?): return .unavailable(reason: reason)
        case ("failed", _, _, _, let reason?): return .failed(reason: reason)
        default: throw UnreadableLine(text: word)
        }
    }

    private func receipt(_ stream: StreamName, _ version: Int) throws -> CommandReceipt {
        guard let receipt else { throw UnreadableLine(text: word) }
        return CommandReceipt(
            key: .init(id: receipt.command, digest: receipt.digest), stream: stream, version: version, firstPosition: receipt.first,
            lastPosition: receipt.last, recordedAt: Timestamp(milliseconds: receipt.recordedAt))
    }
}
