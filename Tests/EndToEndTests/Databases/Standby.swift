import Foundation
import Logging
import PrivatePostgres
import Testing

/// A primary and a hot standby that streams from it, for one test.
struct StreamingPair {
    let primary: PrivateServer
    let primaryLocation: PrivateServer.Location
    let standby: PrivateServer
    let standbyLocation: PrivateServer.Location

    static func with(_ body: (StreamingPair) async throws -> Void) async throws {
        try await withDataDirectory { directory in
            let (first, second) = (directory + "/primary", directory + "/standby")
            let primary = PrivateServer(directory: first, durability: .throwaway, logger: .init(label: "tests"))
            let standby = PrivateServer(directory: second, durability: .throwaway, logger: .init(label: "tests"))
            do {
                try await primary.start()
                let location = try #require(PrivateServer.locate(directory: first))
                try await letEveryUserIn(at: location)
                let account = try #require(FileManager.default.attributesOfItem(atPath: first + "/data")[.ownerAccountID] as? Int)
                let said = try await Shell.run(
                    """
                    set -e; mkdir -m 700 '\(second)'
                    pg_basebackup --host='\(location.socketFolder)' --port=\(location.port) --username=postgres --pgdata='\(second)/data' \
                        --checkpoint=fast --no-sync --write-recovery-conf
                    chown -R \(account) '\(second)'
                    """)
                try #require(said == "")
                try await standby.start()
                try await body(
                    StreamingPair(
                        primary: primary, primaryLocation: location, standby: standby,
                        standbyLocation: try #require(PrivateServer.locate(directory: second))))
            } catch {
                await stop(primary, standby)
                throw error
            }
            await stop(primary, standby)
        }
    }

    private static func stop(_ servers: PrivateServer...) async { for server in servers { await server.stop(within: .seconds(3)) } }

    /// The settings of a system whose queries read from the standby, and from the primary when that is gone.
    var urls: [String: String] {
        var urls = urlsOfDatabases(at: primaryLocation) { "annals_\($0)" }
        urls["ANNALS_READ_DIRECT_URL"] = urls["ANNALS_READ_URL"]
        let servers = [standbyLocation, primaryLocation]
        let (hosts, ports) = (servers.map(\.socketFolder).joined(separator: ","), servers.map { "\($0.port)" }.joined(separator: ","))
        urls["ANNALS_READ_URL"] = "postgres:///annals_read?host=\(hosts)&port=\(ports)&user=postgres&target_session_attrs=prefer-standby"
        return urls
    }
}
