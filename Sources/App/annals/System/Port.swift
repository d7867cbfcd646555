import Glibc

/// Fails at once if the port can't be had, before databases are started for nothing.
func refuseTakenPort(_ settings: Settings) throws {
    guard settings.port != 0 else { return }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(settings.host, String(settings.port), &hints, &list) == 0, let address = list?.pointee else {
        throw Failure("\(settings.host) is not an address of this machine")
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
    guard descriptor >= 0 else { throw Failure("no socket can be opened: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    // As the server does: connections that linger after a restart don't hold the port.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 1) == 0 else {
        throw Failure("port \(settings.port) on \(settings.host) can't be used: \(String(cString: strerror(errno)))")
    }
}
