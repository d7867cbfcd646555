import CLibpq
import FoundationEssentials
import Glibc
import Synchronization

/// The way from an empty folder to a server that answers. Blocking; runs on a thread of its own.
struct ServerStart: Sendable {
    let folder: ServerFolder
    let port: Int
    let durability: Durability

    /// Adopts the server that is running, or starts one. Returns it with its socket's folder.
    func run(isAbandoned: () -> Bool) throws(PrivateServerError) -> (Postmaster, port: Int, socketFolder: String) {
        do throws(PrivateServerError) {
            return try adoptOrLaunch(isAbandoned)
        } catch {
            // The server's own log may have found no room for the reason.
            guard !isAbandoned(), error.saysDiskIsFull || folder.isFull else { throw error }
            switch error {
            case .failedToStart, .folderUnwritable, .keepsEnding: throw .diskFull(folder.path)
            case .binariesMissing, .inUse, .diskFull, .foreignFolder: throw error
            }
        }
    }

    private func adoptOrLaunch(_ isAbandoned: () -> Bool) throws(PrivateServerError) -> (Postmaster, port: Int, socketFolder: String) {
        if let running = Postmaster.running(on: folder) {
            try waitForAnswer(running.postmaster, running.port, running.socketFolder, isAbandoned)
            return running
        }
        let account = try ServerAccount.forServer(in: folder.path, data: folder.data)
        try account.take(folder.path)
        let binaries = try ServerBinaries.find(version: folder.dataVersion)
        let socketFolder = try folder.makeSocketFolder(port: port)
        try account.take(socketFolder)
        if folder.dataVersion == nil { try initialize(binaries, account) }
        try configure(socketFolder, account)
        clearLeftovers(socketFolder)
        let postmaster = try launch(binaries, account)
        try waitForAnswer(postmaster, port, socketFolder, isAbandoned)
        return (postmaster, port, socketFolder)
    }

    private func initialize(_ binaries: ServerBinaries, _ account: ServerAccount) throws(PrivateServerError) {
        do {
            if access(folder.unfinishedData, F_OK) == 0 { try FileManager.default.removeItem(atPath: folder.unfinishedData) }
        } catch {
            throw .folderUnwritable(folder.unfinishedData)
        }
        guard mkdir(folder.unfinishedData, 0o700) == 0 else { throw .folderUnwritable(folder.path) }
        try account.take(folder.unfinishedData)
        let locale = newlocale(Int32(LC_CTYPE_MASK), "C.UTF-8", nil)
        defer { if let locale { freelocale(locale) } }
        var arguments = [
            binaries.initdb, "--pgdata=\(folder.unfinishedData)", "--username=postgres", "--encoding=UTF8",
            "--locale=\(locale == nil ? "C" : "C.UTF-8")", "--data-checksums", "--auth-local=peer", "--auth-host=reject", "--no-instructions",
        ]
        if durability == .throwaway { arguments.append("--no-sync") }
        let (succeeded, output) = account.command(arguments).run()
        guard succeeded else { throw .failedToStart(logTail: output) }
        guard rename(folder.unfinishedData, folder.data) == 0 else { throw .folderUnwritable(folder.data) }
        // Unfinished data is deleted by the next start: the rename must not be lost once anything is kept in it.
        let parent = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw .folderUnwritable(folder.path) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw .folderUnwritable(folder.path) }
    }

    private func configure(_ socketFolder: String, _ account: ServerAccount) throws(PrivateServerError) {
        let settings = ServerSettings(
            port: port, socketFolder: socketFolder, durability: durability, accountName: durability == .full ? ServerAccount.ownName : nil)
        let files = [("postgresql.conf", settings.configuration), ("pg_hba.conf", settings.access), ("pg_ident.conf", settings.accounts)]
        for (name, text) in files {
            let path = "\(folder.data)/\(name)"
            let content = Data(text.utf8)
            // On a full disk a file that is right already is no obstacle.
            if FileManager.default.contents(atPath: path) == content { continue }
            do { try content.write(to: URL(filePath: path)) } catch { throw .folderUnwritable(path) }
            try account.take(path)
        }
    }

    /// A killed postmaster's children hold its shared memory until they notice; a new server would refuse to start.
    private func clearLeftovers(_ socketFolder: String) {
        for pid in Postmaster.leftovers(on: folder) {
            let process = Postmaster(pid: pid, isChild: false)
            if !process.waitForEnd(.seconds(5)) {
                process.signal(SIGKILL)
                _ = process.waitForEnd(.seconds(5))
            }
        }
        // A pid file or socket lock that is left names a process that isn't a server on this data. PostgreSQL itself can't know: the process id may
        // be another's by now, or that of a dead process that nobody has reaped.
        for stale in ["\(folder.data)/postmaster.pid", "\(socketFolder)/.s.PGSQL.\(port)", "\(socketFolder)/.s.PGSQL.\(port).lock"] { unlink(stale) }
    }

    private func launch(_ binaries: ServerBinaries, _ account: ServerAccount) throws(PrivateServerError) -> Postmaster {
        // Each start begins a new log, which explains the present trouble.
        let log = open(folder.log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw .folderUnwritable(folder.log) }
        defer { close(log) }
        try account.take(folder.log)
        do throws(SpawnError) {
            return Postmaster(pid: try account.command([binaries.postgres, "-D", folder.data]).start(output: log), isChild: true)
        } catch {
            throw .failedToStart(logTail: String(cString: strerror(error.code)))
        }
    }

    /// Asks until the server answers, for as long as its process lives: recovery after a crash may take its time.
    private func waitForAnswer(_ postmaster: Postmaster, _ port: Int, _ socketFolder: String, _ isAbandoned: () -> Bool)
        throws(PrivateServerError)
    {
        while true {
            if ping(socketFolder, port) { return }
            if postmaster.waitForEnd(.milliseconds(20)) { throw .failedToStart(logTail: folder.logTail()) }
            if isAbandoned() {
                postmaster.signal(SIGINT)
                _ = postmaster.waitForEnd(.seconds(30))
                throw .failedToStart(logTail: "the start was cancelled")
            }
        }
    }

    private func ping(_ socketFolder: String, _ port: Int) -> Bool {
        PQping("host='\(socketFolder)' port=\(port) dbname=postgres user=postgres connect_timeout=5") == PQPING_OK
    }
}
