import PublishingAPI
import Upstreams

/// The environments of the services' processes: each holds the settings that its service makes use of, its own log-in, and nobody else's.
struct ChildEnvironment {
    /// Variables that programs need, though nothing is configured by them.
    private static let kept = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE", "ANNALS_COMMAND"]

    let settings: Settings
    /// Of this process.
    let environment: [String: String]
    /// Where the keys lie.
    let dataDirectory: String

    func variables(for component: Component, _ logins: ServiceLogins) -> [String: String] {
        var variables = environment.filter { Self.kept.contains($0.key) }
        for setting in settings.table where setting.services.contains(component) {
            variables[setting.variable] = environment[setting.variable]
            if setting.source == .flag { variables[setting.variable] = setting.value }
        }
        variables["ANNALS_DATA_DIR"] = dataDirectory
        // The ports are those of this start, also where a free one was asked for.
        if component == .gateway {
            variables["ANNALS_PORT"] = "\(settings.port)"
            variables["ANNALS_PROJECTOR_AT"] = "\(Instance(host: settings.services.host, port: settings.services[port: .projector]))"
        }
        for other in ServiceSettings.listening {
            let name = other.rawValue.uppercased()
            let port = settings.services[port: other]
            if other == component { variables["ANNALS_\(name)_PORT"] = "\(port)" }
            if let service = other.service, component.calls.contains(service) {
                variables["ANNALS_\(name)_AT"] = "\(Instance(host: settings.services.host, port: port))"
            }
        }
        return variables.merging(logins.settings(for: component)) { $1 }
    }
}
