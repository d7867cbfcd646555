/// A server that runs, and the programs of its version, as its superuser calls them.
struct RunningServer {
    let folder: ServerFolder
    let version: String
    private let programs: ServerBinaries
    private let socketFolder: String
    private let port: Int

    init(_ directory: String) throws(BackupError) {
        guard let folder = ServerFolder(existing: directory), let running = Postmaster.running(on: folder), let version = folder.dataVersion else {
            throw BackupError("no PostgreSQL runs in \(directory)")
        }
        do throws(PrivateServerError) { programs = try ServerBinaries.find(version: version) } catch { throw BackupError(error.description) }
        (self.folder, self.version, socketFolder, port) = (folder, version, running.socketFolder, running.port)
    }

    /// A program that connects to it.
    func command(_ program: String, _ arguments: [String]) -> Command {
        Command(
            [programs.program(program), "--host=\(socketFolder)", "--port=\(port)", "--username=postgres", "--no-password"] + arguments)
    }
}
