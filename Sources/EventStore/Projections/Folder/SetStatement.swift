import EventSourcing
import Postgres

/// The statement of one `<EventType>.set.sql`: what `<EventType>.sql` does, for many events at once.
///
/// `:events` in it stands for a table of them in the order of the log. Its columns are the parameters that an event of this type has, in lower case;
/// only those whose names the file mentions are made.
struct SetStatement {
    static let suffix = ".set.sql"
    private static let parameter = ":events"

    let file: SQLFile
    let statement: Statement
    /// In the order of `$1`, `$2`, …
    let columns: [EventParameter]
    /// Whether a set may hold several events of one stream: the file says so in a line `-- annals: repeats`.
    let takesRepeats: Bool

    /// Throws when the file has another parameter than the events, or none.
    init(_ file: SQLFile, for schema: EventSchema) throws(ReadModelError) {
        let columns = Self.columns(named: file, schema)
        let types = columns.indices.map { "$\($0 + 1)::\(columns[$0].parameter.sqlType)[]" }.joined(separator: ", ")
        let names = columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
        // A subquery, so that the file gives it a name of its own, as often as it likes.
        let table = "(SELECT * FROM unnest(\(types)) AS event (\(names)))"
        var isUsed = false
        let sql = try file.replacingParameters { (token, text) throws(ReadModelError) in
            guard text == Self.parameter else {
                throw file.refusal(at: token, "\(text) is not allowed: a set has one parameter, :events, a table with the columns of its events")
            }
            isUsed = true
            return table
        }
        guard isUsed else { throw file.refusal("the statement does not use :events") }
        self.file = file
        self.columns = columns.map(\.parameter)
        takesRepeats = file.declares("repeats")
        statement = Statement(file.path, sql)
    }

    /// The statement with the values of the events. Throws when one's data is not what its schema says.
    func query(for events: [RecordedEvent]) throws(UnreadableField) -> Query {
        var values: [SQLValue] = []
        values.reserveCapacity(columns.count)
        for column in columns { values.append(try column.values(in: events)) }
        return Query(statement, values)
    }

    private static func columns(named file: SQLFile, _ schema: EventSchema) -> [(name: String, parameter: EventParameter)] {
        let words = Set(file.tokens.lazy.filter { $0.kind == .word }.map { file.text(of: $0) })
        let columns = EventParameter.all(of: schema).map { (name: $0.key.lowercased(), parameter: $0.value) }.filter { words.contains($0.name) }
        // A set that only counts its events still needs rows.
        return columns.isEmpty ? [("position", .position)] : columns.sorted { $0.name < $1.name }
    }
}
