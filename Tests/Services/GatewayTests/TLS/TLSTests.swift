import Foundation
import Gateway
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A gateway with a certificate` {
    /// Calls the server with curl, which trusts the certificate; the version of HTTP and the status stand behind the body.
    private func curl(_ options: String..., path: String = "/x", port: Int, _ certificate: TestCertificate) async throws -> String {
        try await Program.run(
            ["curl", "-sS", "--max-time", "120", "--cacert", certificate.certificate, "-w", " %{http_version} %{http_code}"] + options
                + ["https://localhost:\(port)\(path)"])
    }

    @Test func `speaks HTTP/2 with those who ask for it, and HTTP/1.1 with all others`() async throws {
        try await TestCertificate.make { certificate in
            try await LoopbackServer.run(certificates: certificate.files()) { (port: Int) async throws in
                #expect(try await curl("--http2", port: port, certificate) == "GET /x 0 2 200")
                #expect(try await curl("--http1.1", port: port, certificate) == "GET /x 0 1.1 200")
                #expect(try await curl("--no-alpn", port: port, certificate) == "GET /x 0 1.1 200")
                #expect(try await curl("--http2", "-I", port: port, certificate).contains("HTTP/2 200"))
                #expect(try await curl("--http2", path: "/stream", port: port, certificate) == "one two 2 200")
            }
        }
    }

    @Test(arguments: ["--http2", "--http1.1"]) func `takes and gives large bodies, of announced length and of none`(version: String) async throws {
        try await TestCertificate.make { certificate in
            let body = certificate.folder + "/body"
            try Data(repeating: UInt8(ascii: "b"), count: 3_000_000).write(to: URL(filePath: body))
            try await LoopbackServer.run(certificates: certificate.files()) { port in
                let shown = version == "--http2" ? "2" : "1.1"
                let announced = try await curl(version, "-X", "POST", "--data-binary", "@\(body)", port: port, certificate)
                #expect(announced == "POST /x 3000000 \(shown) 200")
                let chunked = try await Program.run(
                    "sh", "-c",
                    "cat \(body) | curl -sS --max-time 120 --cacert \(certificate.certificate) \(version) -T - -X POST https://localhost:\(port)/x")
                #expect(chunked == "POST /x 3000000")
                let large = try await curl(version, "-o", "/dev/null", "-w", "%{size_download}", path: "/large", port: port, certificate)
                #expect(large == "\(8 << 20)")
            }
        }
    }

    @Test func `answers thousands of requests on a few connections, each of them`() async throws {
        try await TestCertificate.make { certificate in
            try await LoopbackServer.run(certificates: certificate.files()) { port in
                let report = try await Program.run("h2load", "-n", "5000", "-c", "8", "-m", "50", "https://127.0.0.1:\(port)/x")
                #expect(report.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(report)")
                #expect(report.contains("Application protocol: h2"), "\(report)")
            }
        }
    }

    @Test func `ends a connection that is to end, over TLS as well`() async throws {
        try await TestCertificate.make { certificate in
            var limits = ConnectionLimits.patient
            limits.linger = .seconds(5)
            try await LoopbackServer.run(limits, certificates: certificate.files()) { port in
                let outcome = try await Program.attack("close_over_tls", port: port)
                #expect(outcome == "200 ended")
            }
        }
    }

    @Test func `serves a certificate that replaces another, without a restart, and keeps it when the next is none`() async throws {
        try await TestCertificate.make { certificate in
            let lines = SpokenLog()
            try await LoopbackServer.run(certificates: certificate.files(logger: lines.logger)) { port in
                func shown() async throws -> String {
                    try await Program.run(
                        "sh", "-c", "openssl s_client -connect localhost:\(port) </dev/null 2>/dev/null | openssl x509 -noout -subject")
                }
                #expect(try await shown() == "subject=CN = first")
                try await certificate.renew("second")
                try await eventually { try await shown() == "subject=CN = second" }
                try "no certificate".write(toFile: certificate.certificate, atomically: true, encoding: .utf8)
                try await eventually {
                    let subject = try await shown()
                    #expect(subject == "subject=CN = second")
                    return lines.text.contains("can't be used, the old one is kept")
                }
                try await certificate.renew("third")
                try await eventually { try await shown() == "subject=CN = third" }
            }
        }
    }

    @Test func `refuses files that are none at its start`() async throws {
        try await TestCertificate.make { certificate in
            #expect(throws: (any Error).self) { try CertificateFiles(certificate: "/nowhere", key: certificate.key, logger: .silent) }
            #expect(throws: (any Error).self) { try CertificateFiles(certificate: certificate.certificate, key: "/nowhere", logger: .silent) }
            #expect(throws: (any Error).self) { try CertificateFiles(certificate: certificate.key, key: certificate.key, logger: .silent) }
            try await TestCertificate.make { other in
                #expect(throws: (any Error).self) { try CertificateFiles(certificate: certificate.certificate, key: other.key, logger: .silent) }
            }
        }
    }
}
