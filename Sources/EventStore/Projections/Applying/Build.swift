import EventSourcing
import Postgres

/// One set of tables of a read model, and the SQL that made them and keeps them current.
struct Build: Sendable {
    /// Its number among all builds of the read database.
    let number: Int64
    let model: ReadModel
    /// The digest of `model`'s files, in hexadecimal.
    let version: String
}
