import Foundation
import Glibc
import Synchronization
import TestSupport

/// In the place of a query service: it is ready, and answers everything with a body of many bytes, sent as fast as they are taken.
final class LargeService: Sendable {
    let port: Int
    let bodyBytes: Int
    private let listener: Int32
    private let sent = Atomic(0)

    /// All bytes of bodies that were taken from it so far.
    var sentBytes: Int { sent.load(ordering: .relaxed) }

    init(bodyBytes: Int) throws {
        self.bodyBytes = bodyBytes
        port = try ChildServer.freePort()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        guard isBound, listen(listener, 100) == 0 else { throw LaunchFailure(output: "nobody can listen on \(port)") }
        Thread.detachNewThread { [listener] in
            while case let client = accept(listener, nil, nil), client >= 0 { Thread.detachNewThread { self.serve(client) } }
        }
    }

    /// Ends it.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var request = ""
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            request += String(decoding: buffer[..<count], as: UTF8.self)
            guard request.hasSuffix("\r\n\r\n") else { continue }
            let isCheck = request.hasPrefix("GET /ready")
            request = ""
            let ready = #"{"status":"ready","checks":{},"projections":{}}"#
            let length = isCheck ? ready.utf8.count : bodyBytes
            guard send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n".utf8), to: client) else { return }
            if isCheck {
                guard send(Array(ready.utf8), to: client) else { return }
                continue
            }
            let part = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
            for _ in 0..<(bodyBytes / part.count) {
                guard send(part, to: client) else { return }
                sent.add(part.count, ordering: .relaxed)
            }
        }
    }

    private func send(_ bytes: [UInt8], to client: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
