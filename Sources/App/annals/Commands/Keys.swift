import ArgumentParser
import AuthService
import EventSourcing
import JSON
import Postgres

/// `annals keys`: the keys of the installation.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the keys of a new installation; rotate the master key, and the keys that access tokens are signed with.",
        subcommands: [KeysInit.self, KeysRotate.self, KeysRevoke.self, KeysList.self, KeysRotateMaster.self])
}

/// `annals keys init`
struct KeysInit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make the keys that are not there yet, before services are served.",
        discussion: "It needs the four databases, after migrate: a key that they know is not made again.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Make new keys in place of service keys that are lost, or of the key of list cursors.")
    var replaceServiceKey = false

    func run() async throws {
        let directory = try DataDirectory.open(try await Settings.read(flags).dataDirectory)
        let operation = try await Operation.begin(flags)
        try await InstallationKeys(files: operation.keys, databases: operation.databases, isReplacing: replaceServiceKey).settle()
        printLine("The keys are in \(directory.path)/keys.")
    }
}

/// `annals keys rotate`
struct KeysRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Make a new signing key.",
        discussion: "It is published at once and signs ten minutes later. Running processes pick it up, and nobody is signed out.")

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let rotation = try await operation.withSigningKeys { try await $0.rotate() }
        printLine("Key \(rotation.kid) signs from \(rotation.signsFrom); until then \(rotation.retired) does.")
    }
}

/// `annals keys revoke`
struct KeysRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Withdraw a signing key that somebody else may have.",
        discussion: "The next key signs at once. Tokens of this one are refused everywhere within a minute. Sessions go on with their refresh tokens."
    )

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The key's id, as `keys list` shows it.")
    var key: String

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let withdrawal = try await operation.withSigningKeys { [key] in try await $0.revoke(key) }
        printLine("Key \(withdrawal.kid) is withdrawn; within a minute no token of it is taken. The newest key is \(withdrawal.successor).")
    }
}

/// `annals keys list`
struct KeysList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the signing keys, newest first.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let records = try await operation.withSigningKeys { try await $0.records() }
        let states = records.states(at: .now)
        if json { return printLine(JSONValue.array(zip(records, states).map { .object($0.json($1)) }).serialized) }
        var table = TextTable("KEY", "STATE", "CREATED", "SIGNS FROM", "RETIRED", "WITHDRAWN")
        for (record, state) in zip(records, states) {
            let times = [record.signsFrom, record.retiredAt, record.revokedAt].map { time in time.map { "\($0)" } ?? "-" }
            table.add(record.kid, state.rawValue, "\(record.createdAt)", times[0], times[1], times[2])
        }
        table.lines.forEach(printLine)
    }
}

/// The part that a signing key plays now.
enum SigningKeyState: String {
    /// New tokens are signed with it.
    case signs
    /// Published, and signs later.
    case next
    /// Another key signs.
    case retired
    case withdrawn
}

extension [SigningKeyRecord] {
    /// The states of these keys, newest first. The newest key that may sign does.
    func states(at now: Timestamp) -> [SigningKeyState] {
        var hasSigner = false
        return map { key in
            if key.revokedAt != nil { return .withdrawn }
            if let signsFrom = key.signsFrom, signsFrom.milliseconds > now.milliseconds { return .next }
            defer { hasSigner = true }
            return hasSigner ? .retired : .signs
        }
    }
}

extension SigningKeyRecord {
    fileprivate func json(_ state: SigningKeyState) -> JSONObject {
        func time(_ time: Timestamp?) -> JSONValue { time.map { .string("\($0)") } ?? .null }
        return [
            "kid": .string(kid), "state": .string(state.rawValue),
            "createdAt": time(createdAt), "signsFrom": time(signsFrom), "retiredAt": time(retiredAt),
            "revokedAt": time(revokedAt),
        ]
    }
}

extension Operation {
    fileprivate func withSigningKeys<Value: Sendable>(_ body: @Sendable @escaping (SigningKeys) async throws -> Value) async throws -> Value {
        let wrapping = KeyWrapping(try keys.masterKey())
        do {
            return try await withPool("identity", databases.identity.acting(as: "annals_auth")) { identity in
                try await body(SigningKeys(identity: identity, wrapping: wrapping))
            }
        } catch let failure as SigningKeys.Failure {
            switch failure {
            case .wrongMasterKey: throw Failure("the master key does not open the signing keys")
            case .missing: throw Failure("the signing key has just gone; try again")
            case .rotationUnderWay(let kid, let signsFrom): throw Failure("key \(kid) does not sign before \(signsFrom): one rotation at a time")
            case .unknown(let kid): throw Failure("there is no signing key \(kid); \(CommandName.of("keys list")) shows them")
            }
        }
    }
}
