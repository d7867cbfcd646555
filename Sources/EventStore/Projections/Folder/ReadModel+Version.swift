package import Postgres

extension ReadModel {
    /// The version that these files are: the SHA-256 of their canonical form, in hexadecimal. The server computes it, so that this module needs no
    /// cryptography.
    package func version(by pool: ConnectionPool) async throws -> String {
        try await pool.query(.digest, [.text(canonicalSQL)])[0].get(0)
    }
}

extension Statement {
    fileprivate static let digest = Statement("digest", "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')")
}
