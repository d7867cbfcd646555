import ArgumentParser
import EventSourcing
import JSON
import Projections

/// `annals projections status`: how far each read model is.
struct ProjectionsStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how far each read model is and which process keeps it current.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let reports = try await ReadModelReport.all(Operation.begin(flags))
        if json { return printLine(JSONValue.array(reports.map { .object($0.status) }).serialized) }
        var table = TextTable("MODEL", "STATE", "VERSION", "POSITION", "LAG", "SECONDS", "RATE", "PARKED", "LEASE")
        for report in reports {
            let live = report.live
            table.add(
                report.model, report.state.rawValue, live.map { String($0.version.prefix(12)) } ?? "-", "\(live?.position ?? 0)",
                "\(report.lag)", "\(Int(report.lagSeconds))", "\(Int((live?.rate ?? 0).rounded()))/s", "\(live?.parkedStreams ?? 0)",
                live?.leaseHolder ?? "-")
        }
        table.lines.forEach(printLine)
        for report in reports { if let reason = report.live?.stoppedReason { printLine("\(report.model) has stopped: \(reason)") } }
        reports.printRefusals()
    }
}

/// `annals projections list`: the read models and their versions.
struct ProjectionsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the read models and their versions.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let reports = try await ReadModelReport.all(Operation.begin(flags))
        if json { return printLine(JSONValue.array(reports.map { .object($0.versions) }).serialized) }
        var table = TextTable("MODEL", "STATE", "LIVE VERSION", "FOLDER VERSION")
        for report in reports {
            table.add(
                report.model, report.state.rawValue, report.live.map { String($0.version.prefix(12)) } ?? "-",
                report.folderVersion.map { String($0.prefix(12)) } ?? "-")
        }
        table.lines.forEach(printLine)
        reports.printRefusals()
    }
}

extension ReadModelReport {
    fileprivate var versions: JSONObject {
        [
            "model": .string(model), "state": .string(state.rawValue), "liveVersion": live.map { .string($0.version) } ?? .null,
            "folderVersion": folderVersion.map(JSONValue.string) ?? .null,
            "error": refusal.map { .string("\($0)") } ?? .null,
        ]
    }

    fileprivate var status: JSONObject {
        [
            "model": .string(model), "state": .string(state.rawValue), "version": live.map { .string($0.version) } ?? .null,
            "position": .integer(live?.position ?? 0), "lag": .integer(lag), "lagSeconds": .number(lagSeconds),
            "rate": .number(live?.rate ?? 0), "parked": .integer(Int64(live?.parkedStreams ?? 0)),
            "leaseHolder": live?.leaseHolder.map(JSONValue.string) ?? .null, "failingAt": live?.failingAt.map(JSONValue.integer) ?? .null,
            "stopped": live?.stoppedReason.map(JSONValue.string) ?? .null,
            "error": refusal.map { .string("\($0)") } ?? .null,
        ]
    }
}

extension [ReadModelReport] {
    /// Prints why folders are broken, on standard error.
    fileprivate func printRefusals() {
        for case let refusal? in map(\.refusal) { printError("annals: \(refusal)") }
    }
}
