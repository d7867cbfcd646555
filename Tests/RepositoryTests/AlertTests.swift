import Foundation
import TestSupport
import Testing

/// The rules, dashboards and pages for those who keep a system running.
@Suite(.timeLimit(.minutes(10))) struct `The alerts` {
    private let folder = repositoryRoot + "/deploy/prometheus"

    private func text(_ path: String) throws -> String { try String(contentsOfFile: repositoryRoot + "/" + path, encoding: .utf8) }

    private func alerts() throws -> [String] { try text("deploy/prometheus/annals.rules.yml").matches(of: /- alert: (\w+)/).map { String($0.1) } }

    @Test func `are rules that Prometheus takes, and fire when their tests say so`() async throws {
        for arguments in [
            ["check", "rules", "annals.rules.yml"], ["test", "rules", "annals.rules.test.yml"], ["check", "config", "prometheus.yml"],
            ["check", "config", "compose.yml"],
        ] {
            let (end, said, _) = try await ChildProgram.run(
                ["/bin/sh", "-c", "cd '\(folder)' && promtool \(arguments.joined(separator: " "))"], isMerged: true)
            #expect(end == .exit(0), "\(said)")
        }
    }

    @Test func `have a test each in which they fire and one in which they don't, and a page that says what to do`() throws {
        let tests = try text("deploy/prometheus/annals.rules.test.yml").split(separator: "  - name: ").dropFirst()
        let page = try text("docs/alerts.md")
        let names = try alerts()
        #expect(names.count == 13)
        for alert in names {
            let test = tests.first { $0.contains("alertname: \(alert)") }
            #expect(test?.contains("alertname: \(alert), exp_alerts: []") == true && test?.contains("exp_labels") == true, "\(alert)")
            #expect(page.contains("\n## \(alert)\n"), "\(alert)")
            #expect(try text("deploy/prometheus/annals.rules.yml").contains("docs/alerts.md#\(alert.lowercased())"), "\(alert)")
        }
    }

    @Test func `and dashboards ask for metrics that there are`() throws {
        let page = try text("docs/metrics.md")
        let known = Set(page.matches(of: /`([a-z_]+)`/).map { String($0.1) }).union(["up"])
        var asked: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(atPath: repositoryRoot + "/deploy/grafana") where file.hasSuffix(".json") {
            let data = Data(try text("deploy/grafana/" + file).utf8)
            let board = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let panels = try #require(board["panels"] as? [[String: Any]])
            #expect(panels.count >= 6, "\(file)")
            for panel in panels {
                for target in try #require(panel["targets"] as? [[String: Any]]) {
                    asked.formUnion(metrics(in: try #require(target["expr"] as? String)))
                }
            }
        }
        for line in try text("deploy/prometheus/annals.rules.yml").split(separator: "\n")
        where line.contains("annals_") || line.contains("http_server") {
            asked.formUnion(metrics(in: String(line)))
        }
        #expect(asked.count > 15)
        for name in asked { #expect(known.contains(name), "\(name)") }
    }

    /// The metrics of an expression, without what a histogram's series add to its name.
    private func metrics(in expression: String) -> [String] {
        expression.replacing(/\{[^}]*\}|\bby \([^)]*\)/, with: "").matches(of: /\b(annals|http|db|process)_[a-z_]+\b/)
            .map { String($0.0).replacing(/_(bucket|count|sum)$/, with: "") }
            // A gauge's own name may end like that of a histogram's series.
            .map { $0 == "db_client_connection" ? "db_client_connections" : $0 }
    }
}
