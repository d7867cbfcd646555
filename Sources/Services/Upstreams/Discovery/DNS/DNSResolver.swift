import NIOPosix

/// Asks DNS through c-ares, on a thread for blocking work. The machine's resolver would do, but it tells no times to live and no SRV records.
package struct DNSResolver: Sendable {
    private let server: Instance?

    /// - Parameter server: asked instead of those of the machine; its host is an IP address.
    package init(server: Instance? = nil) { self.server = server }

    /// Answers within seconds, whatever the servers do.
    package func ask(_ question: DNSQuestion) async -> Result<DNSAnswer, DNSFailure> {
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                Result { () throws(DNSFailure) in try Self.ask(question, try AresChannel(server: server)) }
            }
        } catch {
            return .failure(.unanswered("there is no thread to ask on (\(error))"))
        }
    }

    private static func ask(_ question: DNSQuestion, _ channel: AresChannel) throws(DNSFailure) -> DNSAnswer {
        switch question {
        case .addresses(let name, let port):
            let found = try addresses(of: [name], channel)
            return try answer(found.addresses.map { Instance(host: $0.address, port: port) }, found.timeToLive)
        case .services(let name):
            guard let reply = try channel.ask([(name, .srv)])[0] else { throw .noInstances }
            let records = try reply.services()
            let first = records.filter { $0.priority == records.map(\.priority).min() && !$0.target.isEmpty }
            let found = try addresses(of: Set(first.map(\.target)).sorted(), channel)
            let instances = first.flatMap { record in
                found.addresses.filter { $0.name == record.target }.map { Instance(host: $0.address, port: record.port) }
            }
            return try answer(instances, min(reply.timeToLive, found.timeToLive))
        }
    }

    private static func answer(_ instances: [Instance], _ timeToLive: UInt32) throws(DNSFailure) -> DNSAnswer {
        guard !instances.isEmpty else { throw .noInstances }
        return DNSAnswer(instances: instances, timeToLive: timeToLive)
    }

    /// The addresses of names, of both versions, asked for side by side. A name without any is left out. An answer that fails makes all fail: a list
    /// that lacks half of the instances would be believed.
    private static func addresses(
        of names: [String], _ channel: AresChannel
    ) throws(DNSFailure) -> (addresses: [(name: String, address: String)], timeToLive: UInt32) {
        let asked = names.flatMap { [($0, DNSRecordType.a), ($0, .aaaa)] }
        var addresses: [(name: String, address: String)] = []
        var timeToLive = UInt32.max
        for (question, reply) in zip(asked, try channel.ask(asked)) {
            guard let reply else { continue }
            for address in try reply.addresses(question.1) { addresses.append((question.0, address)) }
            timeToLive = min(timeToLive, reply.timeToLive)
        }
        return (addresses, timeToLive)
    }
}
