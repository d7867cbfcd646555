import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore

/// A file as it is answered: its bytes, and the headers that go with them.
struct StaticFile: Sendable {
    enum MediaType: String {
        case html = "text/html; charset=utf-8"
        case css = "text/css; charset=utf-8"
        case javaScript = "text/javascript; charset=utf-8"
        case svg = "image/svg+xml"
        case yaml = "application/yaml"
        case json = "application/json"

        /// Nil for a file that browsers are not given.
        init?(fileName: String) {
            switch fileName.split(separator: ".").last {
            case "css": self = .css
            case "js": self = .javaScript
            case "svg": self = .svg
            case _: return nil
            }
        }
    }

    /// A page may load and run files of this gateway, and show images that stand in a style sheet. Nothing inline, nothing from elsewhere.
    private static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'"

    private let body: ByteBuffer
    private let etag: String
    private let headers: HTTPFields

    init(_ bytes: [UInt8], type: MediaType) {
        body = ByteBuffer(bytes: bytes)
        etag = entityTag(body: bytes)
        // Kept by browsers, and asked about each time: an update shows at once.
        var headers: HTTPFields = [.contentType: type.rawValue, .eTag: etag, .cacheControl: "no-cache"]
        if type == .html { headers[.contentSecurityPolicy] = Self.contentSecurityPolicy }
        self.headers = headers
    }

    /// 200 with the file, or 304 for a browser that has it. The 304 repeats the content policy, because a browser puts its headers in the place of
    /// those that it has kept.
    func response(to request: Request) -> Response {
        guard Preconditions.isNotModified(request, etag: etag) else {
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        }
        var headers = headers
        headers[.contentType] = nil
        return Answer.notModified(headers: headers)
    }
}
