import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A process with few descriptors` {
    /// As many as there are descriptors for, also where a setting says more.
    @Test(.timeLimit(.minutes(longestTest)), arguments: [[:], ["ANNALS_MAX_CONNECTIONS": "100000"]])
    func `serves those who are connected, lets others wait and says so once`(settings: [String: String]) async throws {
        try await withDataDirectory { directory in
            let log = directory + ".log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let others = ["ANNALS_LOG_LEVEL": "info", "ANNALS_IDLE_TIMEOUT": "3600s"]
            let system = try await RunningSystem(
                dataDirectory: directory, environment: settings.merging(others) { old, _ in old }, logFile: log, descriptors: 256)
            let request = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
            var connected: [Wire] = []
            for _ in 1...80 {
                let wire = try Wire(port: system.port)
                await wire.send(request)
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 200 "))
                connected.append(wire)
            }
            // More than there can be. The kernel takes them all; the server does not.
            let start = ContinuousClock.now
            let crowd = try (1...220).map { _ in try Wire(port: system.port) }
            let last = try Wire(port: system.port)
            await last.send(request)
            for wire in connected {
                await wire.send(request)
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 200 "))
            }
            let warnings = { try String(contentsOfFile: log, encoding: .utf8).components(separatedBy: "new connections wait").count - 1 }
            try await eventually { try warnings() > 0 }

            // Room comes back, and the last of all gets its turn.
            connected.removeAll()
            _ = consume crowd
            #expect(try await last.answer().hasPrefix("HTTP/1.1 200 "))
            // Once a minute, if it takes so long.
            #expect(try warnings() <= 1 + Int((ContinuousClock.now - start) / .seconds(60)))
            let stop = await system.terminate()
            #expect(stop == 0)
            // Each failed try is counted; a loop that does not rest makes hundreds of thousands.
            let lines = try String(contentsOfFile: log, encoding: .utf8)
            let failures = lines.components(separatedBy: "failures").dropFirst().compactMap { Int($0.drop { !$0.isNumber }.prefix { $0.isNumber }) }
            #expect(failures.reduce(0, +) < 20_000, "\(failures)")
        }
    }
}
