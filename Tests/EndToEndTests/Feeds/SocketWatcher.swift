import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A reader of `/events/stream` over a socket of its own. It keeps how far it has come and the first thing that was wrong with what it got: each
/// position must come once, in order, whatever connections it comes over.
final class SocketWatcher: Sendable {
    private struct State {
        var last: Int64
        var isFed = false
        var fault: String?
        var channel: (any Channel)?
    }

    private let state: Mutex<State>

    init(after position: Int64) { state = Mutex(State(last: position)) }

    /// The last position that it got.
    var last: Int64 { state.withLock(\.last) }
    /// Whether the server has begun to answer its present connection.
    var isFed: Bool { state.withLock(\.isFed) }
    var fault: String? { state.withLock(\.fault) }

    /// Connects, and resumes where it was.
    func connect(to port: Int, token: String) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.minutes(4))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(WatcherHandler(self, token: token))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        state.withLock { $0.channel = channel }
    }

    /// Closes its connection, in the middle of whatever comes.
    func hangUp() async {
        let channel = state.withLock { state in
            state.isFed = false
            return state.channel.take()
        }
        // It may be closed already.
        try? await channel?.close()
    }

    fileprivate func begin(_ status: HTTPResponseStatus) {
        state.withLock { $0.isFed = true }
        if status != .ok { note(fault: "\(status)") }
    }

    fileprivate func note(_ name: Substring, _ id: Int64?) {
        guard name != "heartbeat" else { return }
        state.withLock { state in
            if id == state.last + 1 { state.last += 1 } else { state.fault = state.fault ?? "\(name) \(id ?? -1) came after \(state.last)" }
        }
    }

    private func note(fault: String) { state.withLock { $0.fault = $0.fault ?? fault } }
}

private final class WatcherHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let watcher: SocketWatcher
    private let token: String
    /// Of an event that is not there whole.
    private var rest = ""

    init(_ watcher: SocketWatcher, token: String) {
        self.watcher = watcher
        self.token = token
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers: HTTPHeaders = ["Host": "localhost", "Authorization": "Bearer \(token)", "Last-Event-ID": "\(watcher.last)"]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/api/v1/events/stream", headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): watcher.begin(head.status)
        case .body(let part):
            rest += String(buffer: part)
            while let end = rest.range(of: "\n\n") {
                note(rest[..<end.lowerBound])
                rest.removeSubrange(..<end.upperBound)
            }
        case .end: context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func note(_ block: Substring) {
        var (name, id): (Substring?, Int64?) = (nil, nil)
        for line in block.split(separator: "\n") {
            if line.hasPrefix("event: ") { name = line.dropFirst(7) }
            if line.hasPrefix("id: ") { id = Int64(line.dropFirst(4)) }
        }
        if let name { watcher.note(name, id) }
    }
}
