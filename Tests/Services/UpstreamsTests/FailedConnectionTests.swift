import Glibc
import Logging
import PublishingAPI
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A connection that can't be made` {
    @Test func `for want of descriptors says nothing of the instance`() async {
        await #expect(processExitsWith: .success) {
            var settings = UpstreamSettings()
            settings.ejection.failures = 1
            let peers = [try await Peer.start { _ in .ok() }, try await Peer.start { _ in .ok() }]
            try await RunningCluster.run(peers, settings) { running in
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var none = rlimit(rlim_cur: 0, rlim_max: limit.rlim_max)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
                let status = try await running.status()
                let standing = running.cluster.state
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                #expect(status == 503)
                #expect(standing.ejected == [false, false])
                let later = try await running.status()
                #expect(later == 200)
            }
        }
    }

    @Test func `says nothing of the instance when its call had less time than a connection may take`() {
        let settings = UpstreamSettings()
        let cluster = UpstreamCluster(
            service: .queries, discovery: StaticDiscovery([:]), settings: settings, logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() })
        let late = UpstreamFailure(.unconnected, "no connection in time")
        #expect(cluster.verdict(of: late, in: settings.connectTimeout) == .gone)
        #expect(cluster.verdict(of: late, in: settings.connectTimeout - .milliseconds(1)) == .none)
    }
}
