package import HTTPTypes
package import Hummingbird
package import NIOCore

/// An answer that is there as a whole, so that it can be sent without a task.
package struct ReadyAnswer: Sendable {
    package let status: HTTPResponse.Status
    package var headers: HTTPFields
    /// Nil where the status has no body by definition.
    package let body: ByteBuffer?

    private init(_ status: HTTPResponse.Status, _ headers: HTTPFields, _ body: ByteBuffer?) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A body of that media type.
    package static func bytes(
        _ body: ByteBuffer, _ mediaType: String = "application/json", status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> ReadyAnswer {
        var headers = headers
        headers[.contentType] = mediaType
        return ReadyAnswer(status, headers, body)
    }

    /// 304, with the headers that a 200 would have had (RFC 9110 §15.4.5).
    package static func notModified(headers: HTTPFields) -> ReadyAnswer { ReadyAnswer(.notModified, headers, nil) }

    /// 204.
    package static func noContent(headers: HTTPFields = [:]) -> ReadyAnswer { ReadyAnswer(.noContent, headers, nil) }

    package var response: Response {
        guard let body else {
            var response = Response(status: status, headers: headers)
            // These statuses have no body by definition, so no length of one either (RFC 9110 §8.6).
            response.headers[.contentLength] = nil
            return response
        }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
