import Foundation
import Glibc

/// A client that sends exactly the bytes it is given, over one connection.
package final class Wire: Sendable {
    private let descriptor: Int32

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // A server that never ends the connection, or never reads, fails the test instead of hanging it.
        var longest = timeval(tv_sec: Int(patience.components.seconds), tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &longest, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw WireFailure.refused }
    }

    deinit {
        close(descriptor)
    }

    /// Sends all of it; false when the server has gone.
    @discardableResult package func send(_ text: String) async -> Bool {
        await onOwnThread { [descriptor] in
            let bytes = Array(text.utf8)
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// Shuts the client's side, as a client does that has sent all it wants to.
    package func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Waits until there is something to read, and leaves it.
    package func waitForFirstByte() async throws {
        let isThere = await onOwnThread { [descriptor] in
            var byte: UInt8 = 0
            return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) == 1
        }
        guard isThere else { throw WireFailure.silence }
    }

    /// One answer, as far as its announced length goes.
    package func answer() async throws -> String {
        try await onOwnThread { [self] in
            Result {
                var text = ""
                while true {
                    if let end = text.range(of: "\r\n\r\n") {
                        let length = text[..<end.lowerBound].lowercased().components(separatedBy: "content-length: ").dropFirst().first?
                            .prefix { $0.isNumber }
                        if text[end.upperBound...].utf8.count >= Int(length ?? "0") ?? 0 { return text }
                    }
                    guard let more = try receive() else { return text }
                    text += more
                }
            }
        }.get()
    }

    /// Everything up to the end of the connection, which is waited for.
    package func rest() async throws -> String {
        try await onOwnThread { [self] in
            Result {
                var text = ""
                while let more = try receive() { text += more }
                return text
            }
        }.get()
    }

    /// Nil at the end, a reset included.
    private func receive() throws -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
        if count < 0, errno != ECONNRESET { throw WireFailure.silence }
        return nil
    }
}

package enum WireFailure: Error {
    case refused
    /// The server neither answered nor closed.
    case silence
}

/// Blocking reads have threads of their own, so that they hold none of the tests'.
private func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}
