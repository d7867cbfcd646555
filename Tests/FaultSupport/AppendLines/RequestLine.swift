package import EventSourcing
import FoundationEssentials

/// An append request as a line of JSON, numbered so that its answer finds it.
package struct RequestLine: Sendable {
    package let number: Int
    package let request: AppendRequest

    package init(number: Int, request: AppendRequest) {
        self.number = number
        self.request = request
    }

    /// Reads a line; throws `UnreadableLine`, or what the decoder throws.
    package init(_ line: String) throws {
        let form = try JSONDecoder().decode(Form.self, from: Data(line.utf8))
        number = form.number
        request = Noted.request(
            try form.appends.map { (try StreamName(line: $0.stream), ExpectedVersion(number: $0.expected), $0.notes) },
            claims: try form.claims.map { try $0.change() }, command: .init(id: form.command, digest: form.digest))
    }

    /// The line, without its end.
    package func text() throws -> String {
        let form = Form(
            number: number, command: request.command.id, digest: request.command.digest,
            appends: request.appends.map { append in
                Form.Append(stream: append.stream.description, expected: append.expected.number, notes: append.events.compactMap(\.data.note))
            },
            claims: request.claims.map(Form.Claim.init))
        return String(decoding: try JSONEncoder().encode(form), as: UTF8.self)
    }
}

/// Something that a line should not hold.
package struct UnreadableLine: Error {
    package let text: String
}

private struct Form: Codable {
    struct Append: Codable {
        let stream: String
        let expected: Int
        let notes: [String]
    }

    struct Claim: Codable {
        let word: String
        let kind: String
        /// The value to take, or the holder that is required.
        let about: String?
    }

    let number: Int
    let command: UUID
    let digest: [UInt8]
    let appends: [Append]
    let claims: [Claim]
}

extension Form.Claim {
    init(_ change: ClaimChange) {
        switch change {
        case .take(let kind, let value): self.init(word: "take", kind: kind.rawValue, about: value)
        case .release(let kind): self.init(word: "release", kind: kind.rawValue, about: nil)
        case .require(let kind, let holder): self.init(word: "require", kind: kind.rawValue, about: holder.description)
        }
    }

    func change() throws -> ClaimChange {
        let kind = ClaimKind(rawValue: kind)
        switch (word, about) {
        case ("take", let value?): return .take(kind, value: value)
        case ("release", _): return .release(kind)
        case ("require", let holder?): return .require(kind, holder: try StreamName(line: holder))
        case (let other, _): throw UnreadableLine(text: other)
        }
    }
}

extension StreamName {
    init(line text: String) throws {
        guard let name = StreamName(text) else { throw UnreadableLine(text: text) }
        self = name
    }
}

extension ExpectedVersion {
    /// As the append function has it: -1 any, 0 none, n exactly.
    fileprivate var number: Int {
        switch self {
        case .any: -1
        case .none: 0
        case .exactly(let version): version
        }
    }

    fileprivate init(number: Int) {
        self =
            switch number {
            case -1: .any
            case 0: .none
            case let version: .exactly(version)
            }
    }
}
