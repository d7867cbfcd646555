import FoundationEssentials
import Logging
import Postgres

/// The conditions that a database must meet before anything is put into it. A start refuses where one is broken, and `annals doctor` tells of all.
struct DatabaseCheck {
    /// A clock difference that network delay can't explain.
    private static let tolerance = Duration.seconds(5)
    private static let oldestVersion = 150_000

    let name: String
    let target: ConnectionTarget
    let logger: Logger

    /// Throws a `Failure` for a database that can't be used. Returns what is off of that which must be on for a crash to lose nothing.
    func run() async throws -> [Safeguard] {
        var off: [Safeguard] = []
        for finding in try await findings() {
            switch (finding.check, finding.grade) {
            case (_, .fine), (_, .note): continue
            case ("durability", _): off += [Safeguard(rawValue: finding.subject)].compactMap(\.self)
            case (_, .warning): logger.warning("\(finding.line)", metadata: ["database": "\(name)"])
            case (_, .broken): throw Failure(finding.line)
            }
        }
        return off
    }

    /// The findings about its server and its encoding.
    func findings() async throws -> [Finding] {
        let started = ContinuousClock.now
        guard let row = try await ConnectionPool.withPool(target, logger: logger, { try await $0.query(.properties) }).first else { return [] }
        let place = "the \(name) database at \(target.redacted)"
        let (encoding, isStandby): (String, Bool) = (try row.get(0), try row.get(1))
        let ahead = Duration.milliseconds(try row.milliseconds(2) - Int64(Date.now.timeIntervalSince1970 * 1000))
        let isClockOff = max(ahead, .zero - ahead) > Self.tolerance + (ContinuousClock.now - started)
        let (version, versionText): (Int32, String) = (try row.get(5), try row.get(6))
        var findings = [
            encoding == "UTF8"
                ? Finding("encoding", name, .fine, "UTF8")
                : Finding(
                    "encoding", name, .broken, "\(place) has the encoding \(encoding), which can't hold every text",
                    remedy: "make it anew with TEMPLATE template0 ENCODING 'UTF8'"),
            isStandby
                ? Finding("primary", name, .broken, "\(place) is a standby, which takes no migrations", remedy: "name the primary")
                : Finding("primary", name, .fine, "takes writes"),
            version >= Self.oldestVersion
                ? Finding("version", name, .fine, "PostgreSQL \(versionText)")
                : Finding("version", name, .broken, "\(place) is PostgreSQL \(versionText)", remedy: "Annals needs version 15 or newer"),
            isClockOff
                ? Finding(
                    "clock", name, .warning, "the database's clock and this machine's differ",
                    remedy: "set both by NTP, or times in the log are wrong and tokens are refused (the database is \(ahead) ahead)")
                : Finding("clock", name, .fine, "agrees with this machine's"),
        ]
        let (waitsForDisk, writesPages): (Bool, Bool) = (try row.get(3), try row.get(4))
        for (safeguard, isOn) in [(Safeguard.fsync, waitsForDisk), (Safeguard.fullPageWrites, writesPages)] {
            let setting = safeguard.rawValue
            findings.append(
                isOn
                    ? Finding("durability", setting, .fine, "on for the \(name) database")
                    : Finding(
                        // Read models can be made anew.
                        "durability", setting, name == "read" ? .warning : .broken,
                        "\(setting) is off on the server of the \(name) database: a crash of its machine may lose or damage what was acknowledged",
                        remedy: "set it to on and reload the server"))
        }
        return findings
    }
}

extension Statement {
    fileprivate static let properties = Statement(
        "database_properties",
        """
        SELECT pg_encoding_to_char(encoding)::text, pg_is_in_recovery(), clock_timestamp(),
            current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',
            current_setting('server_version_num')::int, current_setting('server_version')
        FROM pg_database WHERE datname = current_database()
        """)
}
