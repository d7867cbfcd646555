import EventSourcing

extension ReadModel {
    /// Refuses a model that takes what is personal from an event and has no statement for the event that erases it: the rows would outlive the
    /// person, and nobody would know.
    func checkErasures(_ catalog: EventCatalog) throws(ReadModelError) {
        let uses = statements.map { ($0.key, $0.value.file, $0.value.parameters) } + sets.map { ($0.key, $0.value.file, $0.value.columns) }
        for (type, file, parameters) in uses.sorted(by: { $0.1.path < $1.1.path }) {
            guard let schema = catalog[type], let erasure = catalog.erasure(in: schema.category), statements[erasure] == nil else { continue }
            for parameter in parameters {
                guard let name = parameter.personalName(in: schema) else { continue }
                let reason = "\(name) is personal, and there is no \(erasure).sql that takes it away again"
                throw file.firstUse(of: name).map { file.refusal(at: $0, reason) } ?? file.refusal(reason)
            }
        }
    }
}

extension EventCatalog {
    /// The type that takes away for good what the streams of a category are about.
    fileprivate func erasure(in category: String) -> String? {
        erasing.sorted().first { schemas[$0]?.category == category }
    }
}

extension EventParameter {
    /// This parameter's name when what it binds is personal. Whether a field is there at all is not.
    fileprivate func personalName(in schema: EventSchema) -> String? {
        switch self {
        case .field(let name, _): schema.personalFields.contains(name) ? name : nil
        case .data: schema.personalFields.isEmpty ? nil : "data"
        case .stream, .streamID, .version, .position, .recordedAt, .actor, .eventID, .given: nil
        }
    }
}

extension SQLFile {
    /// Where a parameter or a column of `:events` is named first.
    fileprivate func firstUse(of name: String) -> SQLToken? {
        tokens.first { $0.kind == .parameter && text(of: $0) == ":" + name } ?? tokens.first { $0.kind == .word && text(of: $0) == name.lowercased() }
    }
}
