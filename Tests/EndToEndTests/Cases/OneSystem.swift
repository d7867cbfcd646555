import Foundation
import JSON
import NIOHTTP1
import Testing

/// One running system that all tests of a suite share, with its rate limits and its log in a file.
struct OneSystem {
    @TaskLocal private static var running: OneSystem?

    let system: RunningSystem
    let logFile: String

    /// The system of the suite that a test is in.
    static var current: OneSystem {
        get throws { try #require(running, "the suite has no system") }
    }

    var anyone: Client { Client(base: system.api) }

    var log: String {
        get throws { try String(contentsOfFile: logFile, encoding: .utf8) }
    }

    struct Person {
        let username: String
        let id: String
        let client: Client
    }

    /// Somebody who is signed up and can be read as a user.
    func person(_ username: String) async throws -> Person {
        let client = try await anyone.signedUp(username)
        let me = try await client.call(.GET, "/users/me", headers: try await waiting())
        return Person(username: username, id: try #require(me.data["id"]?.text, "\(me.status)"), client: client)
    }

    /// Makes a query wait for all that is in the log now.
    func waiting() async throws -> [String: String] { ["Wait-For-Position": try await system.head(), "DNT": "1"] }

    /// Gives a suite one system, which is stopped by Ctrl-C after its last test.
    struct Sharing: SuiteTrait, TestScoping {
        let environment: [String: String]

        func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void) async throws {
            try await withDataDirectory { directory in
                let logFile = directory + ".log"
                defer { try? FileManager.default.removeItem(atPath: logFile) }
                let system = try await RunningSystem(dataDirectory: directory, environment: environment, isLimited: true, logFile: logFile)
                do {
                    try await OneSystem.$running.withValue(OneSystem(system: system, logFile: logFile)) { try await function() }
                } catch {
                    _ = await system.interrupt()
                    throw error
                }
                #expect(await system.interrupt() == 0)
            }
        }
    }
}

extension Trait where Self == OneSystem.Sharing {
    static func oneSystem(_ environment: [String: String]) -> Self { Self(environment: environment) }
}

/// Small inputs that once went wrong, tried as a user would. One after the other: the last ones leave the system's clock wrong.
@Suite(
    .serialized, .timeLimit(.minutes(longestTest)),
    .oneSystem([
        // So few come back in a test's time that what is left can be counted.
        "ANNALS_RATE_LIMIT": "200/24h", "ANNALS_LOGIN_RATE_LIMIT": "1000/1h", "ANNALS_REGISTRATION_RATE_LIMIT": "1000/1h",
        "ANNALS_REFRESH_GRACE": "60s", "ANNALS_TRUSTED_PROXIES": "127.0.0.0/8", "ANNALS_CORS_ORIGINS": "https://app.example.org",
        "ANNALS_LOG_LEVEL": "warning",
    ]))
struct `One running system` {}
