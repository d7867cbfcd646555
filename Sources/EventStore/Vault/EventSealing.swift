package import Crypto
package import EventSourcing
package import FoundationEssentials
package import JSON

/// How personal fields lie in a stored event.
///
/// All personal fields of an event form one JSON object, sealed in one AES-256-GCM box (NIST SP 800-38D, random 96-bit nonce) whose associated data
/// are the stream and the event's id, so a box can't be moved to another event. Stored in place of the fields: `"$sealed": {"subject": "<the key's
/// owner>", "fields": ["title", …], "box": "<base64 of nonce, ciphertext and tag>"}`. The fields' names stay readable: a forgotten event still says
/// which fields it had.
package enum EventSealing {
    package static let member = "$sealed"

    /// The stored form of an event's data, as JSON text.
    package static func seal(
        _ data: JSONObject, personal fields: [String], for subject: UUID, with key: SymmetricKey, stream: StreamName, event: UUID
    ) throws(VaultError) -> String {
        let sealed = data.list.filter { fields.contains($0.name) }
        if sealed.isEmpty { return JSONValue.object(data).serialized }
        guard
            let box = try? AES.GCM.seal(JSONValue.object(JSONObject(sealed)).encoded, using: key, authenticating: associatedData(stream, event)),
            let bytes = box.combined
        else { throw .damaged(event: event) }
        var stored = JSONWriter(capacity: bytes.count * 2)
        stored.object { stored in
            for field in data.list where !fields.contains(field.name) {
                stored.name(field.name)
                stored.value(field.value)
            }
            stored.name(member)
            stored.object { sealing in
                sealing.name("subject")
                sealing.string(subject.lowercased)
                sealing.name("fields")
                sealing.array { names in for field in sealed { names.string(field.name) } }
                sealing.name("box")
                sealing.string(bytes.base64EncodedString())
            }
        }
        return stored.text
    }

    /// The person whose key opens this stored data; nil when nothing in it is sealed.
    package static func subject(of stored: JSONObject) -> UUID? {
        stored[member]?["subject"]?.text.flatMap { UUID(lowercase: $0) }
    }

    /// The names of the fields that are sealed in this stored data; nil when that can't be read.
    package static func sealedFields(of stored: JSONObject) -> [String]? {
        guard case .array(let names)? = stored[member]?["fields"] else { return nil }
        return names.compactMap(\.text)
    }

    /// The data with null for these fields in place of what is sealed.
    package static func withheld(_ stored: JSONObject, fields: [String]) -> JSONObject {
        var data = JSONObject(stored.list.filter { $0.name != member })
        for name in fields { data[name] = .null }
        return data
    }

    /// The data as it was, or with null for each sealed field when the key was destroyed. Throws `VaultError.damaged` when what is sealed does not
    /// open.
    package static func open(_ stored: JSONObject, with key: KeyVault.DataKey, stream: StreamName, event: UUID) throws(VaultError) -> JSONObject {
        guard let sealed = stored[member] else { return stored }
        switch key {
        case .destroyed:
            guard let fields = sealedFields(of: stored) else { throw .damaged(event: event) }
            return withheld(stored, fields: fields)
        case .damaged: throw .damaged(event: event)
        case .usable(let key):
            do {
                guard let box = sealed["box"]?.text.flatMap({ Data(base64Encoded: $0) }) else { throw VaultError.damaged(event: event) }
                let plain = try AES.GCM.open(AES.GCM.SealedBox(combined: box), using: key, authenticating: associatedData(stream, event))
                guard let fields = try JSONValue.parse(plain).members else { throw VaultError.damaged(event: event) }
                return JSONObject(stored.list.filter { $0.name != member } + fields.list)
            } catch {
                throw .damaged(event: event)
            }
        }
    }

    private static func associatedData(_ stream: StreamName, _ event: UUID) -> [UInt8] {
        Array("\(stream)/\(event.lowercased)".utf8)
    }
}
