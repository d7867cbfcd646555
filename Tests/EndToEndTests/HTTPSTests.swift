import Foundation
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A system with a certificate` {
    @Test func `is reached by HTTPS and HTTP/2, and by its own commands`() async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let (certificate, key) = (directory + "/certificate.pem", directory + "/key.pem")
            let made = try await Shell.run(
                """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=annals \
                -addext subjectAltName=DNS:localhost -keyout \(key) -out \(certificate) && chmod 600 \(key)
                """)
            #expect(FileManager.default.fileExists(atPath: certificate), "\(made)")
            let environment = ["ANNALS_TLS_CERTIFICATE": certificate, "ANNALS_TLS_KEY": key, "ANNALS_HSTS": "365d"]
            let system = try await RunningSystem(dataDirectory: directory, environment: environment)
            let said = try await Shell.run(
                """
                curl -sS --http2 --cacert \(certificate) -D - -w '%{http_version}' https://localhost:\(system.port)/health; \
                curl -sS --http1.1 --cacert \(certificate) -w '%{http_version}' https://localhost:\(system.port)/health
                """)
            #expect(said.contains("HTTP/2 200") && said.contains(#"{"status":"ok"}2"#) && said.contains(#"{"status":"ok"}1.1"#), "\(said)")
            #expect(said.contains("strict-transport-security: max-age=31536000; includeSubDomains"), "\(said)")

            let health = try await Launch.run(["health", "--port", "\(system.port)"], environment: environment)
            #expect(health.code == 0 && health.output == "https://127.0.0.1:\(system.port)/health answers 200\n", "\(health.output)")

            let posts = directory + "/posts"
            try FileManager.default.createDirectory(atPath: posts, withIntermediateDirectories: true)
            try "---\ntitle: Hello\ndate: 2024-01-01\n---\nText.".write(toFile: posts + "/hello.md", atomically: true, encoding: .utf8)
            let imported = try await Launch.run(
                ["import", posts, "--data-dir", directory, "--port", "\(system.port)"], environment: environment)
            #expect(imported.code == 0, "\(imported.output)")
            _ = await system.interrupt()
        }
    }

    @Test func `does not start with half of one, or with files that are none`() async throws {
        try await withDataDirectory { directory in
            let half = try await Launch.run(["config"], environment: ["ANNALS_TLS_KEY": "/nowhere"])
            #expect(half.code == 2 && half.output.contains("ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY: set both of them"), "\(half.output)")
            for arguments in [["up"], ["up", "--apart"]] {
                let neither = try await Launch.run(
                    arguments + ["--port", "0", "--data-dir", directory],
                    environment: ["ANNALS_TLS_KEY": "/nowhere", "ANNALS_TLS_CERTIFICATE": "/nowhere"])
                #expect(neither.code == 1 && neither.output.contains("ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY can't be used"), "\(neither.output)")
            }
        }
    }
}
