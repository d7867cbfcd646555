import Foundation
import NIOHTTP1
import TestSupport
import Testing

/// Connections that want to be held for ever (slowloris and its kin), against short limits; with the real ones a test would only take longer.
@Suite(.timeLimit(.minutes(longestTest))) struct `A client that takes its time` {
    @Test func `is shown out, while idle connections stay`() async throws {
        let limits = [
            "ANNALS_HEADER_TIMEOUT": "2s", "ANNALS_BODY_TIMEOUT": "2s", "ANNALS_BODY_RATE": "100000", "ANNALS_IDLE_TIMEOUT": "3600s",
            "ANNALS_LOG_LEVEL": "info",
        ]
        try await withDataDirectory { directory in
            let log = directory + ".log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let system = try await RunningSystem(dataDirectory: directory, environment: limits, logFile: log)
            // Fresh ones that have not said a word, and used ones between two requests.
            var idle: [Wire] = []
            for number in 0..<200 {
                let wire = try Wire(port: system.port)
                if number % 2 == 0 {
                    await wire.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                    #expect(try await wire.answer().hasPrefix("HTTP/1.1 200"))
                }
                idle.append(wire)
            }
            let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
            for beginning in ["G", "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", head, head + "{\"email\":"] {
                let wire = try Wire(port: system.port)
                await wire.send(beginning)
                // Ends only because the server closes.
                let answer = try await wire.rest()
                #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.lowercased().contains("connection: close"), "\(beginning): \(answer)")
            }
            // The same on a connection that has been used.
            let used = try Wire(port: system.port)
            await used.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await used.answer().hasPrefix("HTTP/1.1 200"))
            await used.send("GET /health HTTP/1.1\r\nHost")
            #expect(try await used.rest().hasPrefix("HTTP/1.1 408 "))
            // A body given up half way is the client's affair and no error of ours.
            let broken = try Wire(port: system.port)
            await broken.send(head + "{")
            _ = consume broken

            for wire in idle {
                await wire.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 200"))
            }
            _ = await system.interrupt()
            let lines = try String(contentsOfFile: log, encoding: .utf8)
            #expect(!lines.contains(#""level":"error""#) && !lines.contains("request failed"), "\(lines)")
        }
    }

    @Test func `finds an idle connection closed after its time`() async throws {
        try await withSystem(environment: ["ANNALS_IDLE_TIMEOUT": "3s"]) { system, _ in
            let fresh = try Wire(port: system.port)
            var used = fresh
            // One that is closed before this test comes to use it is made anew.
            try await eventually {
                used = try Wire(port: system.port)
                await used.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                return try await used.answer().hasPrefix("HTTP/1.1 200")
            }
            #expect(try await used.rest() == "")
            #expect(try await fresh.rest() == "")
        }
    }
}
