import AccessTokens
import ArgumentParser
import AsyncHTTPClient
import AuthService
import BlogImport
import EventSourcing
import FoundationEssentials
import HTTPContract


/// `annals import`: a blog of Markdown files, through the running system's own API.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Import a folder of Markdown posts into the running system.",
        discussion: "Takes front matter as Jekyll, Zola and Hugo write it. Running it again adds only what is missing.")

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The blog's folder.")
    var folder: String

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let blog: BlogFolder
        do {
            blog = try BlogFolder.read(path: folder)
        } catch {
            throw Failure("\(error)")
        }
        let host = operation.settings.host.contains(":") ? "[\(operation.settings.host)]" : operation.settings.host
        let address = "http://\(host):\(operation.settings.port)"
        let summary = try await operation.withAuthOperator { auth in
            try await importing(blog, at: address, auth: auth, operation: operation)
        }
        printLine("\(summary)")
        if summary.failed > 0 { throw Failure("\(summary.failed) could not be imported") }
    }

    @Sendable private func importing(_ blog: BlogFolder, at address: String, auth: AuthOperator, operation: Operation) async throws -> ImportSummary {
        let bar = ProgressBar("import")
        defer { bar.finish() }
        let tokens: APIClient.TokenSource = { subject in
            switch subject {
            // No user: an admin that exists only in this token.
            case .operatorAdmin: try await auth.mintOperatorToken(subject: UUID(high: 0, low: 0), role: .admin, lifetime: .seconds(3600))
            case .user(let id): try await auth.mintOperatorToken(subject: id, role: .user, lifetime: .seconds(3600))
            }
        }
        do {
            return try await HTTPClient.withHTTPClient { http in
                let client = APIClient(tokens: tokens, send: http.sendingAPIRequests(to: address), logger: operation.logger)
                return try await Importer(client: client) { notice in
                    switch notice {
                    case .oddity(let oddity): bar.note("\(oddity)")
                    case .progress(let completed, let total): bar.update(completed: completed, total: total)
                    }
                }.run(blog)
            }
        } catch let stopped as ImportStopped {
            throw Failure("\(stopped)")
        }
    }
}
