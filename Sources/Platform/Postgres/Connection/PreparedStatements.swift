/// The statements that one connection has prepared. Pure.
///
/// A statement is prepared for the types of the values it was first used with. NULL has no type of its own, so another use may need another
/// variant; a value of the wrong type would be misread in binary.
struct PreparedStatements {
    fileprivate struct Variant {
        let sql: String
        let types: [UInt32]
        let serverName: String
    }

    private var variants: [String: [Variant]] = [:]
    private var counter = 0

    /// The server's name for the statement with values of these types, nil when it isn't prepared.
    func name(of statement: Statement, for types: ArraySlice<UInt32>) -> String? {
        variants[statement.name]?.first { $0.sql == statement.sql && $0.accepts(types) }?.serverName
    }

    /// Notes that the statement is being prepared, and says under which name.
    mutating func add(_ statement: Statement, for types: ArraySlice<UInt32>) -> String {
        counter += 1
        // The server cuts names at 63 bytes; the number in front keeps them apart.
        let serverName = "\(counter)_" + String(decoding: statement.name.utf8.prefix(40), as: UTF8.self)
        variants[statement.name, default: []].append(Variant(sql: statement.sql, types: Array(types), serverName: serverName))
        return serverName
    }

    /// Forgets one variant, whose preparation has failed.
    mutating func remove(serverName: String) {
        for (name, list) in variants where list.contains(where: { $0.serverName == serverName }) {
            variants[name] = list.filter { $0.serverName != serverName }
        }
    }

    /// Forgets a statement, so that its next use prepares it anew under a new name.
    mutating func remove(named name: String) { variants[name] = nil }
}

extension PreparedStatements.Variant {
    fileprivate func accepts(_ wanted: ArraySlice<UInt32>) -> Bool {
        guard wanted.count == types.count else { return false }
        return zip(wanted, types).allSatisfy { $0 == SQLType.inferred || $0 == $1 }
    }
}
