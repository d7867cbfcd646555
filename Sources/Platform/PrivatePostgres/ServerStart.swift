import CLibpq
import FoundationEssentials
import Glibc
import Synchronization

/// The way from an empty folder to a server that answers. Blocking; runs on a thread of its own.
struct ServerStart: Sendable {
    let folder: ServerFolder
    let port: Int
    let durability: Durability
    /// The folder to look for the server's programs in first; nil for the usual places alone.
    let binaries: String?
    /// The folder of backups, which WAL is archived in; nil archives none.
    var backups: String?
    var recovery: Recovery?

    /// Adopts the server that is running, or starts one. Returns it with its socket's folder.
    func run(isAbandoned: () -> Bool) throws(PrivateServerError) -> (Postmaster, port: Int, socketFolder: String) {
        // A server that was being killed when it was found ends without an answer: then another is started in its place.
        if let running = adoptable(isAbandoned), try answers(running.postmaster, running.port, running.socketFolder, isAbandoned) { return running }
        let account = try ServerAccount.forServer(in: folder.path, data: folder.data)
        try account.take(folder.path)
        let binaries = try ServerBinaries.find(version: folder.dataVersion, first: self.binaries)
        let socketFolder = try folder.makeSocketFolder(port: port)
        try account.take(socketFolder)
        if folder.dataVersion == nil { try initialize(binaries, account) }
        try configure(socketFolder, account)
        if isAbandoned() { throw .failedToStart(logTail: "the start was cancelled") }
        clear(folder.data)
        // Any pid file and socket lock that are left name a process that isn't a server on this data. PostgreSQL itself can't know: the process id
        // may be another's by now, or that of a dead process that nobody has reaped.
        for stale in ["\(folder.data)/postmaster.pid", "\(socketFolder)/.s.PGSQL.\(port)", "\(socketFolder)/.s.PGSQL.\(port).lock"] { unlink(stale) }
        let postmaster = try launch(binaries, account)
        guard try answers(postmaster, port, socketFolder, isAbandoned) else { throw .failedToStart(logTail: folder.log.tail()) }
        return (postmaster, port, socketFolder)
    }

    /// The server that runs. One that a killed program had only just started gets a moment to write its pid file, and the children of a killed server
    /// one to end.
    private func adoptable(_ isAbandoned: () -> Bool) -> (postmaster: Postmaster, port: Int, socketFolder: String)? {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            if let running = Postmaster.running(on: folder) { return running }
            guard let other = Postmaster.leftovers(in: folder.data).first, ContinuousClock.now < deadline, !isAbandoned() else { return nil }
            _ = other.waitForEnd(.milliseconds(50))
        }
    }

    /// Kills what a killed program has left at work in a folder: initdb, or children that hold the shared memory of a server that is gone. A new one
    /// would refuse to start beside them.
    private func clear(_ directory: String) {
        // A process may start another before it ends.
        for _ in 0..<10 {
            let leftovers = Postmaster.leftovers(in: directory)
            if leftovers.isEmpty { return }
            for process in leftovers { process.signal(SIGKILL) }
            for process in leftovers { _ = process.waitForEnd(.seconds(5)) }
        }
    }

    private func initialize(_ binaries: ServerBinaries, _ account: ServerAccount) throws(PrivateServerError) {
        clear(folder.unfinishedData)
        do {
            if access(folder.unfinishedData, F_OK) == 0 { try FileManager.default.removeItem(atPath: folder.unfinishedData) }
        } catch {
            throw .folderUnwritable(folder.unfinishedData)
        }
        guard mkdir(folder.unfinishedData, 0o700) == 0 else { throw .unwritable(folder.path) }
        try account.take(folder.unfinishedData)
        let locale = newlocale(Int32(LC_CTYPE_MASK), "C.UTF-8", nil)
        defer { if let locale { freelocale(locale) } }
        var arguments = [
            binaries.initdb, "--pgdata=\(folder.unfinishedData)", "--username=postgres", "--encoding=UTF8",
            "--locale=\(locale == nil ? "C" : "C.UTF-8")", "--data-checksums", "--auth=peer", "--no-instructions",
        ]
        if durability == .throwaway { arguments.append("--no-sync") }
        let (succeeded, output) = account.command(arguments, in: folder.unfinishedData).run()
        guard succeeded else { throw .failedToStart(logTail: output) }
        guard rename(folder.unfinishedData, folder.data) == 0 else { throw .unwritable(folder.data) }
        // Unfinished data is deleted by the next start: the rename must not be lost once anything is kept in it.
        let parent = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw .folderUnwritable(folder.path) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw .unwritable(folder.path) }
    }

    private func configure(_ socketFolder: String, _ account: ServerAccount) throws(PrivateServerError) {
        let archive = try backups.map { backups throws(PrivateServerError) in try BackupFolder(backups).makeArchive(of: folder, account) }
        // WAL that is written without an archive is in none. A later archive begins anew, and needs a backup.
        if backups == nil, recovery == nil { unlink(folder.archiveRecord) }
        let settings = ServerSettings(port: port, socketFolder: socketFolder, durability: durability, archive: archive, recovery: recovery)
        for (name, text) in settings.files {
            let path = "\(folder.data)/\(name)"
            try folder.write(text, to: path)
            try account.take(path)
        }
    }

    private func launch(_ binaries: ServerBinaries, _ account: ServerAccount) throws(PrivateServerError) -> Postmaster {
        // Each start begins a new log, which is for the present trouble.
        let path = folder.log.path
        let log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw .unwritable(path) }
        defer { close(log) }
        try account.take(path)
        do throws(SpawnError) {
            // In the folder from its birth on: there a later start finds it before it has written its pid file.
            let command = account.command([binaries.postgres, "-D", folder.data], in: folder.data)
            return Postmaster(pid: try command.start(output: log), isChild: true)
        } catch {
            throw .failedToStart(logTail: String(cString: strerror(error.code)))
        }
    }

    /// Asks until the server answers, for as long as its process lives: recovery after a crash may take its time. False when the process has ended.
    private func answers(
        _ postmaster: Postmaster, _ port: Int, _ socketFolder: String, _ isAbandoned: () -> Bool
    ) throws(PrivateServerError) -> Bool {
        while true {
            if ping(socketFolder, port) { return true }
            if postmaster.waitForEnd(.milliseconds(20)) { return false }
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
