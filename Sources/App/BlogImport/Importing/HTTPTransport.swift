package import AsyncHTTPClient
import EventSourcing
import JSON
import NIOCore
import NIOHTTP1

extension HTTPClient {
    /// Sends requests to the system at an address such as `http://127.0.0.1:3000`.
    package func sendingAPIRequests(to address: String) -> APIClient.Send {
        let base = address.hasSuffix("/") ? String(address.dropLast()) : address
        return { request, token in
            var message = HTTPClientRequest(url: base + request.path)
            message.method = HTTPMethod(rawValue: request.method.rawValue)
            for (name, value) in request.headers { message.headers.add(name: name, value: value) }
            message.headers.add(name: "Authorization", value: "Bearer \(token)")
            if let body = request.body { message.body = .bytes(JSONValue.object(body).encoded) }
            let answer = try await self.execute(message, timeout: .seconds(30))
            let bytes = try await answer.body.collect(upTo: 8 << 20)
            return APIResponse(status: Int(answer.status.code), headers: answer.headers, bytes: bytes)
        }
    }
}

extension APIResponse {
    fileprivate init(status: Int, headers: HTTPHeaders, bytes: ByteBuffer) {
        // A proxy's page instead of JSON is no error here: its status decides whether to try again, and who needs a field finds none.
        self.init(
            status: status, body: try? JSONValue.parse(bytes.readableBytesView), position: headers.first(name: "Position").flatMap { Int64($0) },
            version: headers.first(name: "ETag").flatMap { Int($0.trimmingPrefix("\"").prefix { $0 != "\"" }) },
            retryAfter: headers.first(name: "Retry-After").flatMap { Int64($0) }.map { .seconds($0) },
            isReplay: headers.first(name: "Idempotency-Replayed") == "true")
    }
}
