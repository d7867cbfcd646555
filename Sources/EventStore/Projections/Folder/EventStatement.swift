import EventSourcing
import Postgres

/// The statement of one `<EventType>.sql`, its named parameters turned into placeholders.
struct EventStatement {
    let file: SQLFile
    let statement: Statement
    /// In the order of `$1`, `$2`, …
    let parameters: [EventParameter]

    /// Throws when the file names a parameter that the event does not have.
    init(_ file: SQLFile, for schema: EventSchema) throws(ReadModelError) {
        let known = EventParameter.all(of: schema)
        var parameters: [EventParameter] = []
        let sql = try file.replacingParameters { (token, text) throws(ReadModelError) in
            let name = String(text.dropFirst())
            guard let parameter = known[name] else {
                let names = known.keys.sorted().map { ":" + $0 }.joined(separator: " ")
                throw file.refusal(at: token, "\(schema.type) has no parameter :\(name); it has \(names)")
            }
            if !parameters.contains(parameter) { parameters.append(parameter) }
            return "$\((parameters.firstIndex(of: parameter) ?? 0) + 1)::\(parameter.sqlType)"
        }
        self.file = file
        self.parameters = parameters
        statement = Statement(file.path, sql)
    }

    /// The statement with the event's values. Throws when the event's data is not what its schema says.
    func query(for event: RecordedEvent) throws(UnreadableField) -> Query {
        var values: [SQLValue] = []
        values.reserveCapacity(parameters.count)
        for parameter in parameters { values.append(try parameter.value(in: event)) }
        return Query(statement, values)
    }
}
