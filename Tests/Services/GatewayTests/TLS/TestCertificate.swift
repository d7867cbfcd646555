import Foundation
import Gateway
import Logging
import Testing

/// A certificate for localhost in two files, signed by itself.
struct TestCertificate {
    let folder: String
    var certificate: String { folder + "/certificate.pem" }
    var key: String { folder + "/key.pem" }

    @discardableResult static func make<Value>(_ name: String = "first", _ body: (TestCertificate) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "certificate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let made = TestCertificate(folder: folder)
        try await made.renew(name)
        return try await body(made)
    }

    /// Puts another certificate and key in the place of these, one after the other, as `mv` does.
    func renew(_ name: String) async throws {
        let output = try await Program.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=\(name)",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key + ".new", "-out", certificate + ".new")
        for path in [certificate, key] {
            guard rename(path + ".new", path) == 0 else { throw CocoaError(.fileWriteUnknown, userInfo: ["output": output]) }
        }
    }

    func files(logger: Logger = .silent) throws -> CertificateFiles { try CertificateFiles(certificate: certificate, key: key, logger: logger) }
}
