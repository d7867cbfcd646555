import EventSourcing
import Postgres

/// The statement of one `<EventType>.sql`, its named parameters turned into placeholders.
struct EventStatement {
    let file: SQLFile
    let statement: Statement
    /// In the order of `$1`, `$2`, …
    let parameters: [EventParameter]

    /// Throws when the file does not hold exactly one statement that is made from the event alone.
    init(_ file: SQLFile, for schema: EventSchema) throws(ReadModelError) {
        try SQLRules.checkStatement(in: file)
        try SQLRules.checkDeterminism(of: file)
        let known = EventParameter.all(of: schema)
        var parameters: [EventParameter] = []
        var sql: [UInt8] = []
        var copied = 0
        let text = Array(file.text.utf8)
        for token in file.tokens where token.kind == .parameter {
            let name = String(file.text(of: token).dropFirst())
            guard let parameter = known[name] else {
                let names = known.keys.sorted().map { ":" + $0 }.joined(separator: " ")
                throw file.refusal(at: token, "\(schema.type) has no parameter :\(name); it has \(names)")
            }
            if !parameters.contains(parameter) { parameters.append(parameter) }
            let number = (parameters.firstIndex(of: parameter) ?? 0) + 1
            sql += text[copied..<token.range.lowerBound]
            sql += "$\(number)::\(parameter.sqlType)".utf8
            copied = token.range.upperBound
        }
        // A closing semicolon would end up inside a PREPARE.
        let end = file.tokens.last { $0.kind != .semicolon }?.range.upperBound ?? text.count
        sql += text[copied..<max(copied, end)]
        self.file = file
        self.parameters = parameters
        statement = Statement(file.path, String(decoding: sql, as: UTF8.self))
    }

    /// The statement with the event's values. Throws when the event's data is not what its schema says.
    func query(for event: RecordedEvent) throws(UnreadableField) -> Query {
        var values: [SQLValue] = []
        values.reserveCapacity(parameters.count)
        for parameter in parameters { values.append(try parameter.value(in: event)) }
        return Query(statement, values)
    }
}
