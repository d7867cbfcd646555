import CCares
import Glibc

/// The message of a DNS server that answers one question (RFC 1035 §4).
struct DNSReply {
    let bytes: [UInt8]

    struct Service: Equatable {
        /// Without a dot at the end. Empty says that there is no such service.
        let target: String
        let port: Int
        let priority: Int
    }

    /// In seconds: the shortest of its answers, aliases on the way included. 0 for a message that can't be read.
    var timeToLive: UInt32 {
        guard bytes.count >= 12 else { return 0 }
        var rest = bytes[12...]
        var shortest = UInt32.max
        for _ in 0..<number(at: 4) { rest = Self.withoutName(rest).dropFirst(4) }
        for _ in 0..<number(at: 6) {
            let record = Self.withoutName(rest)
            guard record.count >= 10 else { return 0 }
            shortest = min(shortest, record.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
            rest = record.dropFirst(10 + record.dropFirst(8).prefix(2).reduce(0) { $0 << 8 | Int($1) })
        }
        return shortest
    }

    /// The addresses of A or AAAA records.
    func addresses(_ type: DNSRecordType) throws(DNSFailure) -> [String] {
        var found = Int32(bytes.count / 12)
        if type == .a {
            var records = [ares_addrttl](repeating: ares_addrttl(), count: Int(found))
            try Self.check(ares_parse_a_reply(bytes, Int32(bytes.count), nil, &records, &found))
            return records.prefix(Int(found)).map { Self.text(AF_INET, $0.ipaddr) }
        }
        var records = [ares_addr6ttl](repeating: ares_addr6ttl(), count: Int(found))
        try Self.check(ares_parse_aaaa_reply(bytes, Int32(bytes.count), nil, &records, &found))
        return records.prefix(Int(found)).map { Self.text(AF_INET6, $0.ip6addr) }
    }

    /// The targets of SRV records.
    func services() throws(DNSFailure) -> [Service] {
        var first: UnsafeMutablePointer<ares_srv_reply>?
        try Self.check(ares_parse_srv_reply(bytes, Int32(bytes.count), &first))
        defer { ares_free_data(first) }
        var services: [Service] = []
        var record = first
        while let service = record?.pointee {
            services.append(Service(target: String(cString: service.host), port: Int(service.port), priority: Int(service.priority)))
            record = service.next
        }
        return services
    }

    private func number(at offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }

    /// The place behind a name: behind its labels, up to an empty one or to a pointer.
    private static func withoutName(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let length = rest.first {
            if length == 0 { return rest.dropFirst() }
            if length & 0xC0 != 0 { return rest.dropFirst(2) }
            rest = rest.dropFirst(Int(length) + 1)
        }
        return rest
    }

    private static func check(_ status: Int32) throws(DNSFailure) {
        if status == ARES_ENODATA { return }
        guard status == ARES_SUCCESS else { throw .unanswered(AresChannel.text(status)) }
    }

    private static func text<Address>(_ family: Int32, _ address: Address) -> String {
        var text = [CChar](repeating: 0, count: 64)
        return withUnsafeBytes(of: address) { bytes in
            inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)).map { String(cString: $0) } ?? ""
        }
    }
}
