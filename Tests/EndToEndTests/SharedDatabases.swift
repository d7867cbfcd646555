import Foundation
import Postgres
import PrivatePostgres

extension RunningSystem {
    /// The settings that name this system's databases to another system on them.
    var databaseURLs: [String: String] {
        get throws {
            guard let location = PrivateServer.locate(directory: dataDirectory + "/postgres") else { throw LaunchFailure(output: "no server") }
            return urlsOfDatabases(at: location) { "annals_\($0)" }
        }
    }
}

/// The four settings that name the databases of a server.
func urlsOfDatabases(at location: PrivateServer.Location, user: String = "postgres", _ name: (String) -> String) -> [String: String] {
    let folder = location.socketFolder.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    return Dictionary(
        uniqueKeysWithValues: ["log", "read", "identity", "vault"].map {
            ("ANNALS_\($0.uppercased())_URL", "postgres://\(user)@\(folder):\(location.port)/\(name($0))")
        })
}

/// `annals up` that is expected to end by itself with one line.
func refusedStart(in directory: String, environment: [String: String] = [:]) async throws -> String {
    let launch = try await Launch.run(["up", "--port", "0", "--data-dir", directory], environment: environment)
    guard launch.code == 1, launch.output.split(separator: "\n").count == 1 else { throw LaunchFailure(output: "\(launch.code): \(launch.output)") }
    return launch.output
}
