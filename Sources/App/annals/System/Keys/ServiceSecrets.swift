import AccessTokens
import Audit
import AuthService
import HTTPContract
import PublishingAPI
import Vault

// The secrets of each service, in a type of its own: what a service does not need, it can't be given.

struct GatewaySecrets: Sendable {
    let identity: ServiceIdentity

    init(_ files: KeyFiles) throws { identity = try files.identity(.gateway) }
}

struct AuthSecrets: Sendable {
    let identity: ServiceIdentity
    let services: ServiceKeys
    let masterKey: MasterKey

    init(_ files: KeyFiles) throws {
        identity = try files.identity(.auth)
        services = try files.services.read()
        masterKey = try files.masterKey()
    }
}

struct CommandsSecrets: Sendable {
    let identity: ServiceIdentity
    let services: ServiceKeys
    let masterKey: MasterKey

    init(_ files: KeyFiles) throws {
        identity = try files.identity(.commands)
        services = try files.services.read()
        masterKey = try files.masterKey()
    }
}

struct QueriesSecrets: Sendable {
    let identity: ServiceIdentity
    let services: ServiceKeys
    let cursorKey: CursorKey

    init(_ files: KeyFiles) throws {
        identity = try files.identity(.queries)
        services = try files.services.read()
        cursorKey = try files.cursorKey()
    }
}

struct RelaySecrets: Sendable {
    let identity: ServiceIdentity
    let services: ServiceKeys
    let masterKey: MasterKey

    init(_ files: KeyFiles) throws {
        identity = try files.identity(.relay)
        services = try files.services.read()
        masterKey = try files.masterKey()
    }
}

struct ProjectorSecrets: Sendable {
    let masterKey: MasterKey
    let auditSigner: NoteSigner
    let lastCheckpoint: LastCheckpointFile

    init(_ files: KeyFiles) throws {
        masterKey = try files.masterKey()
        auditSigner = try files.auditSigner()
        lastCheckpoint = files.auditFile.lastCheckpoint
    }
}
