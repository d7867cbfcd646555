import Glibc
package import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate that TLS connections are answered with, from two PEM files that are read again when they change: those who renew certificates
/// replace files and restart nothing.
///
/// The files are looked at when a connection comes, once a second at most. New ones that can't be used are told once and the old ones kept; so are
/// two files of which only one has been replaced yet, until the other is.
package final class CertificateFiles: Sendable {
    private static let pause = TimeAmount.seconds(1)

    private struct State {
        var context: NIOSSLContext
        /// As the files were when they were last read, usable or not.
        var stamp: [FileStamp]
        var lookedAt: NIODeadline
    }

    private let certificate, key: String
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the files. Throws what is wrong with them.
    /// - Parameter certificate: the server's certificate first, then those that lead to a root.
    package init(certificate: String, key: String, logger: Logger) throws {
        self.certificate = certificate
        self.key = key
        self.logger = logger
        let stamp = [FileStamp(certificate), FileStamp(key)]
        state = Mutex(State(context: try Self.context(certificate, key), stamp: stamp, lookedAt: .now()))
    }

    /// The context for a connection that comes now.
    func context(at now: NIODeadline = .now()) -> NIOSSLContext {
        state.withLock { state in
            guard now >= state.lookedAt + Self.pause else { return state.context }
            state.lookedAt = now
            let stamp = [FileStamp(certificate), FileStamp(key)]
            guard stamp != state.stamp else { return state.context }
            state.stamp = stamp
            do {
                state.context = try Self.context(certificate, key)
                logger.notice("the TLS certificate was replaced", metadata: ["certificate": "\(certificate)"])
            } catch {
                logger.error(
                    "the new TLS certificate can't be used, the old one is kept",
                    metadata: ["certificate": "\(certificate)", "key": "\(key)", "error": "\(error)"])
            }
            return state.context
        }
    }

    private static func context(_ certificate: String, _ key: String) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Tells one file at a path from its successor, and from itself after a change.
private struct FileStamp: Equatable {
    private let inode, seconds, nanoseconds, size: Int64

    init(_ path: String) {
        var status = stat()
        let isThere = stat(path, &status) == 0
        inode = isThere ? Int64(bitPattern: UInt64(status.st_ino)) : 0
        seconds = isThere ? Int64(status.st_mtim.tv_sec) : 0
        nanoseconds = isThere ? Int64(status.st_mtim.tv_nsec) : 0
        size = isThere ? Int64(status.st_size) : -1
    }
}
