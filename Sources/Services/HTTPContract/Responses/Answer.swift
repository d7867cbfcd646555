import EventSourcing
package import HTTPTypes
package import Hummingbird
package import JSON
package import NIOCore

/// Successful answers. All bodies are single buffers, which the server writes in one go.
package enum Answer {
    /// `{"data": …}`; `write` writes the value of `data`.
    package static func data(
        _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Response {
        var writer = JSONWriter(capacity: 512)
        try writer.object {
            $0.name("data")
            try write(&$0)
        }
        return bytes(json: ByteBuffer(bytes: writer.bytes), status: status, headers: headers)
    }

    /// `{"data": […], "pagination": {…}}`; `write` writes the items.
    package static func list(_ pagination: Pagination, headers: HTTPFields = [:], _ write: (inout JSONWriter) throws -> Void) rethrows -> Response {
        var writer = JSONWriter(capacity: 4096)
        try writer.object {
            $0.name("data")
            try $0.array(write)
            $0.name("pagination")
            pagination.write(to: &$0)
        }
        return bytes(json: ByteBuffer(bytes: writer.bytes), headers: headers)
    }

    /// JSON that is already there.
    package static func bytes(json: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        ReadyAnswer.bytes(json, status: status, headers: headers).response
    }

    /// JSON that is already there.
    package static func bytes(json: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        bytes(json: ByteBuffer(bytes: json), status: status, headers: headers)
    }

    /// 204.
    package static func noContent(headers: HTTPFields = [:]) -> Response { ReadyAnswer.noContent(headers: headers).response }

    /// 304, with the headers that a 200 would have had (RFC 9110 §15.4.5).
    package static func notModified(headers: HTTPFields) -> Response { ReadyAnswer.notModified(headers: headers).response }
}
