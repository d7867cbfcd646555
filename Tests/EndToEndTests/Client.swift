import AsyncHTTPClient
import EventSourcing
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

extension HTTPClient {
    /// As the shared one, which waits less long for the next byte. It lives as long as the process.
    static let patient: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.timeout.read = .minutes(5)
        return HTTPClient(configuration: configuration)
    }()
}

/// A client of the HTTP API, as a program of another team would be one.
struct Client: Sendable {
    let base: String
    var token: String?

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]

        var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
        var data: JSONValue { json["data"] ?? .null }
        var code: String? { json["code"]?.text }
        var position: String { headers.first(name: "Position") ?? "" }
        /// The fields named in `details`.
        var fields: [String] {
            guard case .array(let details)? = json["details"] else { return [] }
            return details.compactMap { $0["field"]?.text }
        }
    }

    func call(_ method: HTTPMethod, _ path: String, json: String? = nil, headers: [String: String] = [:]) async throws -> Answer {
        try await call(
            method, path, body: json.map { Array($0.utf8) },
            headers: json == nil ? headers : headers.merging(["Content-Type": "application/json"]) { old, _ in old })
    }

    func call(_ method: HTTPMethod, _ path: String, body: [UInt8]?, headers: [String: String]) async throws -> Answer {
        var request = HTTPClientRequest(url: path.hasPrefix("http") ? path : base + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        // A test that says nothing of how long it waits has time.
        let isPatient = headers["Wait-For-Position"] != nil && headers["Prefer"] == nil
        if isPatient { request.headers.add(name: "Prefer", value: "wait=10") }
        var answer = try await perform(request)
        try await eventually {
            guard isPatient, answer.code == "READ_MODEL_BEHIND" else { return true }
            answer = try await perform(request)
            return false
        }
        return answer
    }

    private func perform(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await HTTPClient.patient.execute(request, timeout: .seconds(240))
        let buffer = try await response.body.collect(upTo: 16 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Array(buffer.readableBytesView))
    }

    /// The answer to a call that is repeated while the system has no room for it.
    private func admitted(_ path: String, json: String) async throws -> Answer {
        var answer = try await call(.POST, path, json: json)
        try await eventually {
            guard answer.status == 503 else { return true }
            answer = try await call(.POST, path, json: json)
            return false
        }
        return answer
    }

    /// The id of the user who is signed in, once the read models have it.
    func ownID() async throws -> String {
        var answer = try await call(.GET, "/users/me")
        try await eventually {
            guard [404, 503].contains(answer.status) else { return true }
            answer = try await call(.GET, "/users/me")
            return false
        }
        return try #require(answer.data["id"]?.text, "\(answer.status)")
    }

    /// Registers a user and signs in.
    func signedUp(_ username: String) async throws -> Client {
        let password = "a password of \(username)"
        _ = try await admitted(
            "/auth/register", json: #"{"username":"\#(username)","email":"\#(username)@example.org","password":"\#(password)"}"#)
        let login = try await admitted("/auth/login", json: #"{"email":"\#(username)@example.org","password":"\#(password)"}"#)
        return Client(base: base, token: login.data["accessToken"]?.text)
    }
}
