import Foundation
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import TestSupport

/// The gateway's HTTP server on a port of its own, before a service that answers with what it has understood: `<method> <target> <bytes of the
/// body>`.
enum LoopbackServer {
    static func run(
        _ limits: ConnectionLimits = .patient, certificates: CertificateFiles? = nil, logger: Logger = .silent,
        _ body: @Sendable (Int) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = Application(
            responder: Echo(), server: certificates.map { .https(certificates: $0, limits: limits) } ?? .http1(limits: limits),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            for await port in ports {
                try await body(port)
                break
            }
            group.cancelAll()
        }
    }

    private struct Echo: HTTPResponder {
        func respond(to request: Request, context: CallContext) async throws -> Response {
            switch request.uri.path {
            case "/unread": return response(to: request, body: ResponseBody(byteBuffer: ByteBuffer(string: "unread")))
            case "/stream":
                return Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        for part in ["one ", "two"] { try await writer.write(ByteBuffer(string: part)) }
                        try await writer.finish(nil)
                    })
            case "/large": return response(to: request, body: ResponseBody(byteBuffer: ByteBuffer(repeating: UInt8(ascii: "x"), count: 8 << 20)))
            default:
                let length = try await request.body.collect(upTo: 4 << 20).readableBytes
                let text = "\(request.method) \(request.uri.string) \(length)"
                return response(to: request, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            }
        }

        private func response(to request: Request, body: ResponseBody) -> Response {
            let response = Response(status: .ok, body: body)
            return request.method == .head ? response.createHeadResponse() : response
        }
    }
}

extension ConnectionLimits {
    /// For clients that are late only because the machine is slow.
    static var patient: ConnectionLimits {
        ConnectionLimits(
            headers: .seconds(120), bodyGrace: .seconds(120), send: .seconds(120), linger: .seconds(10), halfClosed: .seconds(120))
    }
}

/// A response as it came over the wire.
struct WireResponse {
    let status: Int
    let headers: [String: String]
    let body: String

    /// All that a client got until the connection ended.
    /// - Parameter isHead: whether the first is to HEAD and so has no content, whatever it says.
    static func all(in text: String, isHead: Bool = false) -> [WireResponse] {
        var rest = Array(text.utf8)[...]
        var responses: [WireResponse] = []
        while !rest.isEmpty {
            let line = rest.takeLine()
            var headers: [String: String] = [:]
            while case let field = rest.takeLine(), !field.isEmpty {
                let parts = field.split(separator: ":", maxSplits: 1)
                headers[parts[0].lowercased()] = parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
            }
            let status = Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
            var body = ""
            if headers["transfer-encoding"] == "chunked" {
                while let size = Int(rest.takeLine(), radix: 16) {
                    body += rest.take(size)
                    _ = rest.takeLine()
                    if size == 0 { break }
                }
            } else if status >= 200, !(isHead && responses.isEmpty) {
                body = rest.take(headers["content-length"].flatMap { Int($0) } ?? rest.count)
            }
            responses.append(WireResponse(status: status, headers: headers, body: body))
        }
        return responses
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func takeLine() -> String {
        guard let end = firstIndex(of: UInt8(ascii: "\n")) else { return take(count) }
        return take(end - startIndex + 1).trimmingCharacters(in: .newlines)
    }

    fileprivate mutating func take(_ length: Int) -> String {
        defer { self = dropFirst(length) }
        return String(decoding: prefix(length), as: UTF8.self)
    }
}
