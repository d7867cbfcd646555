import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON

extension CommandResult {
    /// The headers that every successful command answers with.
    var headers: HTTPFields {
        var headers = HTTPFields()
        headers.setETag(version: version)
        headers.setPosition(position)
        if isReplay { headers.markReplayed() }
        return headers
    }

    /// The response to a command on one entity: its id and version, and what else `write` adds.
    func response(
        _ status: HTTPResponse.Status = .ok, location: String? = nil, _ write: (inout JSONWriter, Self) -> Void = { _, _ in }
    ) -> Response {
        var headers = headers
        if let location { headers[.location] = location }
        return Answer.data(status, headers: headers) { writer in
            writer.object {
                $0.name("id")
                $0.string(stream.id.lowercased)
                write(&$0, self)
                $0.name("version")
                $0.integer(version)
            }
        }
    }
}
