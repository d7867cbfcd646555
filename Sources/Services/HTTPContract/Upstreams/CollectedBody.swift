import HTTPTypes
package import Hummingbird
package import NIOCore

extension ResponseBody {
    /// The whole body as one buffer. Throws `NIOTooManyBytesError` past the limit.
    package func collect(upTo limit: Int) async throws -> ByteBuffer {
        let sink = BodySink(limit: limit)
        try await write(BodySinkWriter(sink: sink))
        return sink.buffer
    }
}

/// Used by one writer at a time, within one call.
private final class BodySink {
    var buffer = ByteBuffer()
    let limit: Int

    init(limit: Int) {
        self.limit = limit
    }
}

private struct BodySinkWriter: ResponseBodyWriter {
    let sink: BodySink

    mutating func write(_ buffer: ByteBuffer) async throws {
        guard sink.buffer.readableBytes + buffer.readableBytes <= sink.limit else { throw NIOTooManyBytesError(maxBytes: sink.limit) }
        sink.buffer.writeImmutableBuffer(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
