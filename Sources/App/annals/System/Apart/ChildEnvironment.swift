import PublishingAPI
import Upstreams

/// The environments of the services' processes: each holds the settings that its service makes use of, its own log-in, and nobody else's. None is
/// told of the file of settings, in which the secrets of all may stand.
struct ChildEnvironment {
    /// Variables that programs need, though nothing is configured by them.
    private static let kept = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SWIFT_BACKTRACE", "ANNALS_COMMAND"]

    let settings: Settings
    /// Of this process.
    let environment: [String: String]
    /// Where the keys lie.
    let dataDirectory: String

    /// - Parameter login: the settings of the component's log-in.
    func variables(for component: Component, login: [String: String]) -> [String: String] {
        var variables = environment.filter { Self.kept.contains($0.key) }
        for setting in settings.table where setting.services.contains(component) && setting.key != Setting.configFile {
            variables[setting.variable] = setting.text
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
        return variables.merging(login) { $1 }
    }
}
