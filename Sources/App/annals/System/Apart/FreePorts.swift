import Glibc

/// Fails at once if an address can't be listened on, before databases are started for nothing.
func refuseTakenPort(_ host: String, _ port: Int) throws {
    if port != 0, let reason = try PortTrial(host).refusal(of: port) { throw Failure("port \(port) on \(host) can't be used: \(reason)") }
}

/// A port that nobody listens on. It lies below those that the kernel gives to outgoing connections, so that none of these takes it meanwhile.
func freePort(_ host: String) throws -> Int {
    let trial = try PortTrial(host)
    for _ in 0..<100 {
        let port = Int.random(in: 15_000..<32_000)
        if trial.refusal(of: port) == nil { return port }
    }
    throw Failure("no free port was found on \(host)")
}

/// Tries to listen, and lets go at once.
private struct PortTrial {
    private let family: Int32
    private let address: [UInt8]

    /// Throws a `Failure` for a host that is none.
    init(_ host: String) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "0", &hints, &list) == 0, let first = list?.pointee else {
            throw Failure("\(host) is not an address of this machine")
        }
        defer { freeaddrinfo(list) }
        family = first.ai_family
        address = Array(UnsafeRawBufferPointer(start: first.ai_addr, count: Int(first.ai_addrlen)))
    }

    /// Why the port can't be had; nil when it can.
    func refusal(of port: Int) -> String? {
        var address = address
        // The port stands behind the family in both kinds of addresses, the high byte first.
        (address[2], address[3]) = (UInt8(port >> 8), UInt8(port & 0xFF))
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        // As the server does: connections that linger after a restart don't hold the port.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let isFree = address.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) == 0 && listen(descriptor, 1) == 0 }
        }
        return isFree ? nil : String(cString: strerror(errno))
    }
}
