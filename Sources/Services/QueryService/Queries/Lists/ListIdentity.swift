import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON

/// The identity of a list: another list does not accept its cursors.
struct ListIdentity {
    let name: String
    var author: UUID?

    /// A cursor that leads to what follows `key`.
    func cursor(after key: ListKey, _ codec: CursorCodec) -> String {
        codec.encode(marks + key.json)
    }

    /// Where a cursor leads; 400 when it was not given out for this list.
    func key(_ cursor: String, _ codec: CursorCodec) throws(Problem) -> ListKey {
        let values = try codec.decode(cursor)
        guard values.prefix(marks.count).elementsEqual(marks), let key = ListKey(json: values.dropFirst(marks.count)) else {
            throw .malformed("The cursor belongs to another list, sort or author.")
        }
        return key
    }

    private var marks: [JSONValue] { [.string(name), author.map { .string($0.lowercased) } ?? .null] }
}
