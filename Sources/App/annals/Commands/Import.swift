import AccessTokens
import ArgumentParser
import AsyncHTTPClient
import AuthService
import BlogImport
import EventLog
import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON
import NIOSSL

/// `annals import`: a blog of Markdown files, through the running system's own API.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Import a folder of Markdown posts into the running system.",
        discussion: """
            Takes front matter as Jekyll, Hugo, Zola and Eleventy write it. Running it again imports what is new and tells what has changed. \
            A post is published only when everything in its file says so. Exit code 1 if a file can't become a post, also with --dry-run.
            """)

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The blog's folder.")
    var folder: String?

    @Flag(help: "Print the plan, a line for each file, and change nothing.")
    var dryRun = false

    @Flag(help: "With --dry-run: print one JSON object a line.")
    var json = false

    @Flag(help: "Change posts whose files have changed, unless they were edited here, too.")
    var update = false

    @Option(help: ArgumentHelp("The email of the account that owns the posts.", valueName: "email"))
    var author: String?

    @Option(help: ArgumentHelp("The email of the account that owns one author's posts. May be repeated.", valueName: "key=email"))
    var map: [String] = []

    @Option(help: ArgumentHelp("A name for this blog, when the system takes posts from more than one.", valueName: "name"))
    var blog = ""

    @Option(help: ArgumentHelp("Delete the posts of an earlier import that nobody has touched since.", valueName: "import"))
    var undo: String?

    func validate() throws {
        guard (folder == nil) != (undo == nil) else { throw ValidationError("Name the blog's folder, or an import with --undo.") }
        if undo != nil, dryRun || update || author != nil || !map.isEmpty { throw ValidationError("--undo takes no other option.") }
        if json, !dryRun { throw ValidationError("--json goes with --dry-run.") }
        _ = try mappings()
    }

    func run() async throws {
        if let undo {
            guard let id = UUID(lowercase: undo.lowercased()) else { throw Failure("\(undo) is not the id of an import", code: .wrongUse) }
            return try await reverse(id, try await Operation.begin(flags))
        }
        let blog: Blog
        do {
            blog = try Blog.read(path: folder ?? "")
        } catch {
            throw Failure("\(error)".escapingControls)
        }
        if dryRun { return try await show(blog) }
        let operation = try await Operation.begin(flags)
        let plan = try await plan(blog, operation)
        let id = UUID.v7()
        let summary = try await operation.withImportClient { client, auth, bar in
            try await Importer(client: client, id: id, notify: bar.show).run(plan, for: try await accounts(auth))
        }
        printLine("\(summary)")
        if summary.created > 0 { printLine("This is import \(id.lowercased); to take it back: \(CommandName.of("import --undo")) \(id.lowercased)") }
        if summary.failed > 0 { throw Failure("\(summary.failed) could not be imported") }
    }

    private func plan(_ blog: Blog, _ operation: Operation) async throws -> ImportPlan {
        let hashes = ImportHashes(try await operation.systemHasher(), blog: self.blog)
        return ImportPlan(blog, comparedWith: try await operation.importedStreams(), hashes, update: update)
    }

    /// Prints the plan: compared with the system that is running, or with nothing.
    private func show(_ blog: Blog) async throws {
        var operation: Operation?
        let plan: ImportPlan
        do {
            let running = try await Operation.begin(flags)
            (plan, operation) = (try await self.plan(blog, running), running)
        } catch let failure as Failure {
            printError("The plan is compared with no system, so all posts are new: \(failure.message)")
            plan = ImportPlan(blog, comparedWith: [], nil, update: update)
        }
        if json {
            for entry in plan.entries { printLine(JSONValue.object(entry.json).serialized.escapingControls) }
        } else {
            var table = TextTable("ACTION", "STATE", "DATE", "AUTHOR", "SLUG", "FILE")
            for entry in plan.entries {
                let date = entry.post?.date.map { String($0.description.prefix(10)) }
                table.add(entry.word, entry.state ?? "-", date ?? "-", entry.post?.authors.first ?? "-", entry.slug ?? "-", entry.path ?? "-")
            }
            table.lines.forEach { printLine($0) }
        }
        for line in plan.remarks + (json ? [] : plan.entries.flatMap(\.lines)) { printError(line.escapingControls) }
        if let operation { try await operation.withAuthOperator { auth in _ = try await accounts(auth) } }
        if plan.unusable > 0 { throw Failure("\(plan.unusable) could not be imported") }
    }

    private func reverse(_ id: UUID, _ operation: Operation) async throws {
        let streams = try await operation.importedStreams()
        guard let reversal = ImportReversal(of: id, in: streams) else {
            let known = ImportReversal.imports(in: streams).map { "\n  \($0.id.lowercased)  \($0.posts) posts" }.joined()
            throw Failure("there is no import \(id.lowercased)" + (known.isEmpty ? "" : "; these have made posts:\(known)"))
        }
        let summary = try await operation.withImportClient { client, _, bar in try await reversal.run(client, notify: bar.show) }
        printLine("\(summary)")
        printLine("The authors' accounts stay, for the next import; to remove one: \(CommandName.of("users erase")) <email>")
        if summary.failed > 0 { throw Failure("\(summary.failed) could not be deleted") }
    }

    private func mappings() throws -> [(author: String, email: String)] {
        try map.map { mapping in
            guard let sign = mapping.lastIndex(of: "="), sign != mapping.startIndex else {
                throw ValidationError("--map takes KEY=EMAIL, not \(mapping).")
            }
            return (String(mapping[..<sign]), String(mapping[mapping.index(after: sign)...]))
        }
    }

    private func accounts(_ auth: AuthOperator) async throws -> NamedAccounts {
        func account(_ email: String) async throws -> UUID {
            do {
                return try await auth.user(email: email)
            } catch AuthOperator.Failure.unknownUser {
                throw Failure("there is no account with the email \(email)")
            }
        }
        var accounts = NamedAccounts()
        if let author { accounts.everyone = try await account(author) }
        for mapping in try mappings() { accounts.byAuthor[mapping.author] = try await account(mapping.email) }
        return accounts
    }
}

extension Operation {
    fileprivate func importedStreams() async throws -> [ImportedStream] {
        do {
            return try await withLog(.stored) { try await $0.importedStreams() }
        } catch let error as EventStoreError {
            throw Failure(error.line)
        }
    }

    /// Runs `body` with a client of the running system that signs in as anybody, and a bar that shows how far it has come.
    fileprivate func withImportClient<Value: Sendable>(
        _ body: @Sendable @escaping (APIClient, AuthOperator, ProgressBar) async throws -> Value
    ) async throws -> Value {
        let address = settings.address(port: settings.port)
        var configuration = HTTPClient.Configuration()
        if let certificate = settings.tls?.certificate {
            // The system's own certificate, at an address of this machine that it need not name.
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = [.file(certificate)]
            tls.certificateVerification = .noHostnameVerification
            configuration.tlsConfiguration = tls
        }
        let client = configuration
        return try await withAuthOperator { auth in
            let tokens: APIClient.TokenSource = { subject in
                switch subject {
                // No user: an admin that exists only in this token.
                case .operatorAdmin: try await auth.mintOperatorToken(subject: UUID(high: 0, low: 0), role: .admin, lifetime: .seconds(3600))
                case .user(let id): try await auth.mintOperatorToken(subject: id, role: .user, lifetime: .seconds(3600))
                }
            }
            let bar = ProgressBar("import")
            defer { bar.finish() }
            do {
                return try await HTTPClient.withHTTPClient(configuration: client) { http in
                    let client = APIClient(tokens: tokens, send: http.sendingAPIRequests(to: address), logger: logger)
                    return try await body(client, auth, bar)
                }
            } catch let stopped as ImportStopped {
                throw Failure("\(stopped)".escapingControls)
            } catch let refusal as APIRefusal {
                throw Failure("the system refused: \(refusal)".escapingControls)
            }
        }
    }
}

extension ProgressBar {
    @Sendable fileprivate func show(_ notice: ImportNotice) {
        switch notice {
        // It quotes names and titles of the blog, which may hold what steers a terminal.
        case .line(let line): note(line.escapingControls)
        case .progress(let completed, let total): update(completed: completed, total: total)
        }
    }
}
