import Foundation
import Glibc
import TestSupport

/// A port of this machine to which connections are begun and never made: its queue is full, and nobody takes from it.
final class DeafPort: Sendable {
    let number: Int
    private let descriptors: [Int32]

    init() {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var descriptors = [listener]
        withUnsafeMutableBytes(of: &address) { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return }
            precondition(bind(listener, pointer, size) == 0 && listen(listener, 0) == 0 && getsockname(listener, pointer, &size) == 0)
            while true {
                let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                _ = connect(filler, pointer, size)
                var (other, length) = (sockaddr_in(), size)
                let isMade = withUnsafeMutableBytes(of: &other) { bytes in
                    bytes.baseAddress.map { getpeername(filler, $0.assumingMemoryBound(to: sockaddr.self), &length) == 0 } ?? false
                }
                guard isMade else {
                    close(filler)
                    break
                }
                descriptors.append(filler)
            }
        }
        number = Int(UInt16(bigEndian: address.sin_port))
        self.descriptors = descriptors
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// How many connections to it are being made.
    func waiting() throws -> Int {
        let table = String(decoding: try KernelFile.contents("/proc/net/tcp"), as: UTF8.self)
        let port = String(format: ":%04X", number)
        return table.split(separator: "\n").count { line in
            let fields = line.split(separator: " ")
            // 2 is SYN_SENT.
            return fields.count > 3 && fields[2].hasSuffix(port) && fields[3] == "02"
        }
    }
}
