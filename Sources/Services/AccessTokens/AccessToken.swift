package import EventSourcing
package import FoundationEssentials
package import JSON

/// The claims of an access token. Their names are those of RFC 7519 §4.1, `sid` is OpenID's, `role`, `ver` and `operator` are ours.
package struct AccessToken: Sendable, Equatable {
    /// The issuer of all tokens.
    package static let issuer = "annals"

    package var subject: UUID
    package var role: SignedInUser.Role
    /// The version of the user's stream that the role was read at. A later change of the user's rights revokes the token by it, without comparing
    /// clocks.
    package var version: Int
    package var session: UUID?
    /// The services that the token is good for.
    package var audience: [String]
    /// Written in whole seconds; the milliseconds are in `id`.
    package var issuedAt: Timestamp
    /// Written in whole seconds.
    package var expiresAt: Timestamp
    /// `jti`, a version 7 UUID made at issue.
    package var id: UUID
    package var isOperator: Bool

    package init(
        subject: UUID, role: SignedInUser.Role, version: Int = 0, session: UUID?, audience: [String], issuedAt: Timestamp = .now,
        expiresAt: Timestamp, id: UUID? = nil,
        isOperator: Bool = false
    ) {
        self.subject = subject
        self.role = role
        self.version = version
        self.session = session
        self.audience = audience
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.id = id ?? .v7(at: issuedAt)
        self.isOperator = isOperator
    }

    /// The user that the token speaks for.
    package var user: SignedInUser { SignedInUser(id: subject, role: role, session: session, isOperator: isOperator) }

    /// The claims as a JSON object.
    package var claims: JSONObject {
        var claims: JSONObject = [
            "iss": .string(Self.issuer), "sub": .string(subject.lowercased), "role": .string(role.rawValue),
            "ver": .integer(Int64(version)), "aud": .array(audience.map { .string($0) }),
            "iat": .integer(issuedAt.seconds), "exp": .integer(expiresAt.seconds), "jti": .string(id.lowercased),
        ]
        if let session { claims["sid"] = .string(session.lowercased) }
        if isOperator { claims["operator"] = .bool(true) }
        return claims
    }

    /// Reads claims of ours; nil when one is missing, of another type, or of another issuer. Time and audience are the caller's to check.
    package init?(claims: JSONObject) {
        guard claims["iss"] == .string(Self.issuer), let subject = claims.id("sub"),
            let role = claims["role"]?.text.flatMap({ SignedInUser.Role(rawValue: $0) }),
            let audience = claims["aud"].flatMap(Self.audience), let issued = claims.time("iat"), let expires = claims.time("exp"),
            let id = claims.id("jti")
        else { return nil }
        var session: UUID?
        if let sid = claims["sid"] {
            guard let id = sid.text.flatMap({ UUID(lowercase: $0) }) else { return nil }
            session = id
        }
        var version = 0
        if let claim = claims["ver"] {
            guard let number = claim.int, let known = Int(exactly: number) else { return nil }
            version = known
        }
        var isOperator = false
        if let claim = claims["operator"] {
            guard case .bool(let value) = claim else { return nil }
            isOperator = value
        }
        let precise = id.millisecondsOfVersion7.map(Timestamp.init(milliseconds:)).flatMap { $0.seconds == issued.seconds ? $0 : nil }
        self.init(
            subject: subject, role: role, version: version, session: session, audience: audience, issuedAt: precise ?? issued, expiresAt: expires,
            id: id,
            isOperator: isOperator)
    }

    /// One name or several (RFC 7519 §4.1.3).
    private static func audience(_ claim: JSONValue) -> [String]? {
        if let name = claim.text { return [name] }
        guard case .array(let names) = claim else { return nil }
        let texts = names.compactMap(\.text)
        return texts.count == names.count ? texts : nil
    }
}

extension Timestamp {
    /// Whole seconds since 1970.
    var seconds: Int64 { milliseconds / 1000 }
}

extension JSONObject {
    fileprivate func id(_ name: String) -> UUID? { self[name]?.text.flatMap { UUID(lowercase: $0) } }

    /// A NumericDate between the years 1970 and 9999.
    func time(_ name: String) -> Timestamp? {
        guard let seconds = self[name]?.int, 0...253_402_300_799 ~= seconds else { return nil }
        return Timestamp(milliseconds: seconds * 1000)
    }
}

extension UUID {
    /// The moment in a version 7 id.
    fileprivate var millisecondsOfVersion7: Int64? {
        guard uuid.6 >> 4 == 7 else { return nil }
        return [uuid.0, uuid.1, uuid.2, uuid.3, uuid.4, uuid.5].reduce(0) { $0 << 8 | Int64($1) }
    }
}
