package import EventSourcing
import HTTPTypes
package import Hummingbird

/// The conditions under which a request is answered: a version, a position, or that it was not answered before.
package enum Preconditions {
    /// `If-Match` as the versions to run at: `"5"` and a query's `W/"5.<digest>"` are both version 5; absent or `*` is any.
    ///
    /// RFC 9110 §13.1.1 wants a strong comparison. Here a weak tag matches by its version: queries answer with weak tags, and a command only asks for
    /// the version. A tag that is not ours never matches: where no other is named, no version will do. Text of another form is 400.
    package static func expectation(_ request: Request) throws(Problem) -> StreamExpectation {
        guard let header = request.header(.ifMatch) else { return .any }
        guard let list = EntityTagList(header) else { throw .malformed("If-Match is not an entity tag such as \"5\".") }
        return switch list {
        case .anything: .any
        case .tags(let tags): .oneOf(Set(tags.compactMap(version)))
        }
    }

    /// The same for a command that can be held to one version only: a list of several is 400, and what can't be a version is 412 at once. Nil for any
    /// version.
    package static func expectedVersion(_ request: Request) throws(Problem) -> Int? {
        guard case .oneOf(let versions) = try expectation(request) else { return nil }
        guard versions.count <= 1 else { throw .malformed("If-Match names several versions; name one.") }
        guard let version = versions.first else { throw .preconditionFailed() }
        return version
    }

    /// `Idempotency-Key`, 1–128 visible ASCII characters and given once, else 400.
    package static func idempotencyKey(_ request: Request) throws(Problem) -> String? {
        guard let key = try request.singleHeader(.idempotencyKey) else { return nil }
        guard 1...128 ~= key.count, key.isVisibleASCII else { throw .malformed("Idempotency-Key must be 1–128 visible ASCII characters.") }
        return key.string
    }

    /// `Wait-For-Position` with the patience of `Prefer: wait=<seconds>`: 2 s unless given, 10 s at most. Nil when the caller takes any state.
    package static func waitForPosition(_ request: Request) throws(Problem) -> WaitForPosition? {
        guard let text = try request.singleHeader(.waitForPosition) else { return nil }
        guard let position = text.number else { throw .malformed("Wait-For-Position is not a position.") }
        return wait(for: position, request)
    }

    /// The wish for a position that the request did not name, with its patience.
    package static func wait(for position: Int64, _ request: Request) -> WaitForPosition {
        WaitForPosition(position: position, timeout: patience(request) ?? WaitForPosition.standardTimeout)
    }

    /// Whether `If-None-Match` names the answer's entity tag, so that 304 says enough. Compares weakly (RFC 9110 §13.1.2); a header that can't be
    /// read is none.
    package static func isNotModified(_ request: Request, etag: String) -> Bool {
        guard let header = request.header(.ifNoneMatch), let list = EntityTagList(header) else { return false }
        switch list {
        case .anything: return true
        case .tags(let tags):
            guard case .tags(let own)? = EntityTagList(WireText(etag)), let tag = own.first else { return false }
            return tags.contains(tag)
        }
    }

    /// The version that a tag of ours stands for. Versions start at 1.
    private static func version(_ tag: WireText) -> Int? {
        let parts = tag.cut(at: ".")
        guard let version = (parts?.0 ?? tag).number, version > 0, parts?.1.isEmpty != true else { return nil }
        return Int(exactly: version)
    }

    /// `wait` of `Prefer` (RFC 7240 §4.3). A preference that can't be read is no preference.
    private static func patience(_ request: Request) -> Duration? {
        guard let header = request.header(.prefer) else { return nil }
        for preference in header.split(at: ",") {
            guard let (name, value) = (preference.cut(at: ";")?.0 ?? preference).cut(at: "="), name.trimmingBlanks.isWord("wait"),
                let seconds = value.trimmingBlanks.unquoted.number
            else { continue }
            return min(.seconds(seconds), WaitForPosition.longestTimeout)
        }
        return nil
    }
}

/// The wish to see at least everything up to a position.
package struct WaitForPosition: Sendable, Equatable {
    package static let standardTimeout = Duration.seconds(2)
    package static let longestTimeout = Duration.seconds(10)

    package let position: Int64
    /// How long the caller is ready to wait for it.
    package let timeout: Duration

    package init(position: Int64, timeout: Duration = standardTimeout) {
        self.position = position
        self.timeout = timeout
    }
}
