import Foundation
import Glibc
import NIOCore
import NIOEmbedded
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite struct `A listener` {
    /// The calls of `accept`, and whether the socket is watched at all.
    private final class Listener {
        let channel = EmbeddedChannel()
        let lines = SpokenLog()
        let reads = Counter()

        init(maximum: Int) throws {
            try channel.pipeline.syncOperations.addHandler(reads)
            try channel.pipeline.syncOperations.addHandler(AcceptBackoff(maximum: maximum, logger: lines.logger))
        }

        var isWatched: Bool {
            channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }.map { $0.value as? Bool } ?? true == true
        }

        var warnings: Int { lines.text.components(separatedBy: "warning").count - 1 }

        func fail(_ code: CInt) {
            channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            channel.pipeline.fireChannelReadComplete()
        }

        func accept() -> EmbeddedChannel {
            let accepted = EmbeddedChannel()
            channel.pipeline.fireChannelRead(accepted as any Channel)
            channel.pipeline.fireChannelReadComplete()
            return accepted
        }
    }

    private final class Counter: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM]) func `without descriptors rests, says so once and goes on by itself`(code: CInt) throws {
        let listener = try Listener(maximum: 10)
        for _ in 1...50 {
            listener.fail(code)
            #expect(!listener.isWatched)
            listener.channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
            #expect(listener.isWatched)
        }
        #expect(listener.warnings == 1)
        _ = listener.accept()
        #expect(listener.isWatched && listener.lines.text.contains("accepted again") && listener.lines.text.contains("50"))
    }

    @Test func `asks for no more connections than are let in, and for the next when one ends`() throws {
        let listener = try Listener(maximum: 2)
        let first = listener.accept()
        listener.channel.read()
        #expect(listener.reads.count == 1 && listener.warnings == 0)
        _ = listener.accept()
        for _ in 1...5 { listener.channel.read() }
        #expect(listener.reads.count == 1 && listener.warnings == 1)
        first.close(promise: nil)
        first.embeddedEventLoop.run()
        listener.channel.embeddedEventLoop.run()
        #expect(listener.reads.count == 2)
    }

    @Test func `that is stopped takes no more, neither when a connection ends nor after a rest`() throws {
        let listener = try Listener(maximum: 1)
        let first = listener.accept()
        listener.channel.read()
        listener.fail(EMFILE)
        try listener.channel.pipeline.syncOperations.handler(type: AcceptBackoff.self).stop()
        first.close(promise: nil)
        first.embeddedEventLoop.run()
        listener.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        listener.channel.read()
        #expect(listener.reads.count == 0 && !listener.isWatched)
    }

    @Test func `leaves other errors to others`() throws {
        let listener = try Listener(maximum: 2)
        listener.channel.pipeline.fireErrorCaught(IOError(errnoCode: EINVAL, reason: "accept"))
        #expect(throws: IOError.self) { try listener.channel.throwIfErrorCaught() }
        #expect(listener.isWatched && listener.warnings == 0)
    }

    @Test func `leaves descriptors to everything else`() {
        #expect(DescriptorLimit(descriptors: 64).connections == 32)
        #expect(DescriptorLimit(descriptors: 1024).connections == 768)
        #expect(DescriptorLimit(descriptors: 1 << 20).connections == (1 << 20) - 256)
    }
}
