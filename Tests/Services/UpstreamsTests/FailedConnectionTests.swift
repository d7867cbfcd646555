import Glibc
import HTTPContract
import HTTPTypes
import Logging
import NIOCore
import PublishingAPI
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A connection that can't be made` {
    private let cluster = UpstreamCluster(
        service: .queries, discovery: StaticDiscovery([:]), logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() })

    @Test(arguments: [EMFILE, ENFILE, EADDRNOTAVAIL, ENOBUFS, ENOMEM])
    func `for want of something that the caller has too little of says nothing of the instance`(code: CInt) {
        let failure = UpstreamFailure(connecting: IOError(errnoCode: code, reason: "socket"))
        #expect(failure.kind == .exhausted && failure.problem.status == .serviceUnavailable)
        #expect(cluster.verdict(of: failure, in: .seconds(30)) == .none)
    }

    @Test func `because nobody listens tells of the instance, in the system's words`() {
        let failure = UpstreamFailure(connecting: IOError(errnoCode: ECONNREFUSED, reason: "connect"))
        #expect(failure.kind == .unreachable && failure.reason == "Connection refused")
        #expect(cluster.verdict(of: failure, in: .seconds(30)) == .gone)
    }

    @Test func `says nothing of the instance when its call had less time than a connection may take`() {
        let settings = UpstreamSettings()
        let late = UpstreamFailure(.unconnected, "no connection in time")
        #expect(cluster.verdict(of: late, in: settings.connectTimeout) == .gone)
        #expect(cluster.verdict(of: late, in: settings.connectTimeout - .milliseconds(1)) == .none)
    }
}
