extension ConnectionTarget {
    /// One of the servers that a target names. Empty parts stand for libpq's defaults.
    struct Server: Hashable {
        var host = ""
        var address = ""
        var port = ""

        /// As libpq names the server of a connection.
        var place: Place { Place(host: host.isEmpty ? address : host, port: port.isEmpty ? "5432" : port) }
    }

    /// A server, as libpq names the one that a connection leads to or tries.
    struct Place: Hashable {
        var host: String
        var port: String
    }

    /// The servers in the order in which libpq tries them; one where none is named. Lists that don't fit each other are one server, which libpq then
    /// complains about.
    var servers: [Server] {
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(hosts.count, addresses.count, 1)
        guard count > 1, [0, count].contains(hosts.count), [0, count].contains(addresses.count), [0, 1, count].contains(ports.count) else {
            return [Server(host: keywords["host"] ?? "", address: keywords["hostaddr"] ?? "", port: keywords["port"] ?? "")]
        }
        return (0..<count).map { index in
            Server(
                host: hosts.isEmpty ? "" : hosts[index], address: addresses.isEmpty ? "" : addresses[index],
                port: ports.count > 1 ? ports[index] : ports.first ?? "")
        }
    }

    /// The same database, at these servers only.
    func at(_ servers: [Server]) -> ConnectionTarget {
        var target = self
        for (keyword, part) in [("host", \Server.host), ("hostaddr", \Server.address), ("port", \Server.port)] where keywords[keyword] != nil {
            target.keywords[keyword] = servers.map { $0[keyPath: part] }.joined(separator: ",")
        }
        return target
    }

    private func list(_ keyword: String) -> [String] {
        keywords[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
    }
}
