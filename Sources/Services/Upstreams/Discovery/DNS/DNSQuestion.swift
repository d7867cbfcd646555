/// Where DNS names the instances of a service.
package enum DNSQuestion: Hashable, Sendable {
    /// All addresses (A, AAAA) of a name, at one port.
    case addresses(of: String, port: Int)
    /// The targets of SRV records, each with its own port. Only the first in priority count; the weights are left to who balances.
    case services(String)
}

extension DNSQuestion: CustomStringConvertible {
    package var description: String {
        switch self {
        case .addresses(let name, let port): "\(name):\(port)"
        case .services(let name): name
        }
    }
}

/// The instances that DNS names: one at least.
package struct DNSAnswer: Equatable, Sendable {
    package let instances: [Instance]
    /// In seconds: the shortest of all records that were used.
    package let timeToLive: UInt32
}

/// The reason why DNS names no instance.
package enum DNSFailure: Error, Equatable, CustomStringConvertible {
    /// The name does not exist, or has no records of these types.
    case noInstances
    /// A server is not an IP address with a port.
    case badServer(String)
    /// The server does not answer, refuses, or can't be understood; in c-ares's words.
    case unanswered(String)

    package var description: String {
        switch self {
        case .noInstances: "there are no such records"
        case .badServer(let text): "\(text) is no address of a DNS server"
        case .unanswered(let reason): reason
        }
    }
}
