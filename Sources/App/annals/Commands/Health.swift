import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// `annals health`: how a process of this machine is, for programs that start containers.
struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running process of this machine whether it lives.",
        discussion: "It asks /health at the address of the settings. The exit code is 0 if the answer is 200, and 1 otherwise.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Ask whether it is ready, at /ready.")
    var ready = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        let place = "\(settings.reachableHost):\(settings.port)/\(ready ? "ready" : "health")"
        guard settings.tls != nil else { return try await ask("http://\(place)", HTTPClient.shared) }
        // The certificate names the host that the world knows, not this one. Of the processes with these settings only the gateway speaks TLS.
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.certificateVerification = .none
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await ask("https://\(place)", client)
        } catch {
            try await client.shutdown()
            return try await ask("http://\(place)", HTTPClient.shared)
        }
        try await client.shutdown()
    }

    private func ask(_ url: String, _ client: HTTPClient) async throws {
        do {
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(2))
            guard response.status == .ok else { throw Failure("\(url) answers \(response.status.code)") }
        } catch let error as HTTPClientError {
            throw Failure("\(url) does not answer: \(error.shortDescription)")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("\(url) does not answer: \(error)")
        }
        printLine("\(url) answers 200")
    }
}

extension Settings {
    /// The address to listen on, as a host of a URL that leads there.
    fileprivate var reachableHost: String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }
}
