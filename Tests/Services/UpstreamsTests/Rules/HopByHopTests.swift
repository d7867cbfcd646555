import HTTPTypes
import Testing

@testable import Upstreams

@Suite struct `Header fields on their way` {
    @Test func `those of the connection stay behind, also those that it names`() {
        let fields: HTTPFields = [
            .connection: "X-Mine, close", .init("X-Mine")!: "1", .init("Keep-Alive")!: "timeout=5", .te: "trailers", .trailer: "Foo",
            .transferEncoding: "chunked", .upgrade: "h2c", .proxyAuthorization: "Basic x", .init("Proxy-Connection")!: "close", .accept: "*/*",
        ]
        #expect(HopByHop.stripped(fields) == [.accept: "*/*"])
    }

    @Test func `what the gateway adds can't be named away`() {
        let fields: HTTPFields = [
            .connection: "X-Forwarded-For, X-Annals-Time-Left, authorization", .init("X-Forwarded-For")!: "10.0.0.1",
            .init("X-Annals-Time-Left")!: "5", .authorization: "Bearer x",
        ]
        var kept = fields
        kept[.connection] = nil
        #expect(HopByHop.stripped(fields) == kept)
    }
}
