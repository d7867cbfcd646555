import FoundationEssentials
import Glibc

/// The folder of the program's own files, such as migrations, projections and pages: the repository, or a folder of the image.
struct Installation: Sendable {
    let root: String

    /// Looks from the folder of the settings, from the executable upwards, from the working directory upwards, then in `/usr/share/annals`.
    static func locate(_ settings: Settings) throws -> Installation {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let candidates =
            [settings.root].compactMap { $0 } + parents(of: executable) + parents(of: FileManager.default.currentDirectoryPath) + [
                "/usr/share/annals"
            ]
        for root in candidates
        where FileManager.default.fileExists(atPath: root + "/migrations/log") && FileManager.default.fileExists(atPath: root + "/projections") {
            return Installation(root: root)
        }
        throw Failure("the folders migrations and projections are not beside the program; ANNALS_ROOT can name where they are")
    }

    func migrations(_ database: String) -> String { "\(root)/migrations/\(database)" }

    var projections: String { "\(root)/projections" }

    private static func parents(of path: String) -> [String] {
        var parents: [String] = []
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            parents.append(String(rest))
            rest = rest[..<slash]
        }
        return parents
    }
}
