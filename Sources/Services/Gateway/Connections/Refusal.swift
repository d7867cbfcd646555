import FoundationEssentials
import Glibc
import HTTPContract
import HTTPTypes
import NIOCore
import NIOHTTP1

/// The response to what the server behind does not get to see. It ends the connection.
struct Refusal {
    let problem: Problem
    let requestID: String
    private let traceparent: String

    /// - Parameter head: the head that is refused; nil when none could be read.
    init(_ problem: Problem, of head: HTTPRequestHead? = nil) {
        self.init(problem, requestID: head?.headers.first(name: "X-Request-ID"), traceparent: head?.headers.first(name: "traceparent"))
    }

    /// - Parameters:
    ///   - requestID, traceparent: those of the request, if they were read.
    init(_ problem: Problem, requestID: String?, traceparent: String?) {
        self.problem = problem
        self.requestID = RequestIdentity.requestID(given: requestID.map { WireText($0) })
        self.traceparent = RequestIdentity.traceparent(given: traceparent.map { WireText($0) })
    }

    /// The response over HTTP/1.1.
    func response(date: Date) -> [HTTPServerResponsePart] {
        let (response, document) = streamResponse(date: date)
        var headers = HTTPHeaders(response.headerFields.map { ($0.name.rawName, $0.value) })
        headers.add(name: "Connection", value: "close")
        let status = HTTPResponseStatus(statusCode: problem.status.code, reasonPhrase: problem.status.reasonPhrase)
        return [.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)), .body(.byteBuffer(document)), .end(nil)]
    }

    /// The response on a stream of HTTP/2, and its body.
    func streamResponse(date: Date) -> (HTTPResponse, ByteBuffer) {
        let document = ByteBuffer(bytes: problem.document(instance: "urn:annals:request:\(requestID)", requestID: requestID))
        var response = HTTPResponse(
            status: problem.status,
            headerFields: [
                .contentType: Problem.mediaType, .contentLength: String(document.readableBytes), .date: date.imfFixdate, .requestID: requestID,
                .traceparent: traceparent,
            ])
        for header in SecurityHeaders.always { response.headerFields[header.name] = header.value }
        return (response, document)
    }
}

extension Problem {
    /// The problem of bytes that the decoder could not read.
    init(_ error: HTTPParserError, isInRequestLine: Bool, limits: ConnectionLimits) {
        self =
            switch error {
            case .headerOverflow: isInRequestLine ? .targetTooLong(limit: limits.targetBytes) : .headTooLarge(limits)
            case .invalidVersion: .malformed("The request is of no version of HTTP/1.")
            case .invalidMethod: .malformed("The request's method is not known.")
            case .invalidContentLength, .unexpectedContentLength:
                .malformed("The Content-Length header can't be read, or stands beside another length.")
            case .invalidEOFState: .malformed("The request ends before it is complete.")
            case .invalidChunkSize: .malformed("The body holds a chunk whose size can't be read.")
            case .invalidHeaderToken: .malformed("A header can't be read.")
            default: .malformed("The request can't be read as HTTP/1.1.")
            }
    }

    /// The problem of a client that has broken a limit.
    init(_ violation: ConnectionTimeouts.Violation, limits: ConnectionLimits) {
        self =
            switch violation {
            case .endlessTarget: .targetTooLong(limit: limits.targetBytes)
            case .largeHead: .headTooLarge(limits)
            case .idle, .slowHead, .slowBody, .endlessBody, .stalledResponse: .requestTimeout()
            }
    }

    private static func headTooLarge(_ limits: ConnectionLimits) -> Problem {
        .headTooLarge(bytes: limits.headBytes, fields: limits.headerFields)
    }
}

extension Date {
    /// As RFC 9110 §5.6.7 writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    var imfFixdate: String {
        var seconds = time_t(timeIntervalSince1970)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 40) { strftime($0.baseAddress, $0.count, "%a, %d %b %Y %H:%M:%S GMT", &parts) }
    }
}
