/// A setting of PostgreSQL without which a crash of its machine may lose or damage what was acknowledged. The raw value is its name there.
enum Safeguard: String, CaseIterable, Sendable {
    case fsync
    case fullPageWrites = "full_page_writes"

    /// Throws a `Failure` that names what the server of a database has off.
    static func refuse(_ off: [Safeguard], of database: String) throws {
        guard !off.isEmpty else { return }
        throw Failure(
            "the server of the \(database) database has \(off.map(\.rawValue).joined(separator: " and ")) off, so a crash of its machine may lose or "
                + "damage what was acknowledged: set \(off.count == 1 ? "it" : "them") to on and reload the server "
                + "(for tests, ANNALS_DATABASES_MAY_LACK can allow it)")
    }
}
