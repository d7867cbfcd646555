import Foundation
import PrivatePostgres
import Testing

/// The last stage of the Dockerfile: what the image that runs is made of.
private struct Image {
    let lines: [Substring]

    init() throws {
        let text = try String(contentsOfFile: repositoryRoot + "/Dockerfile", encoding: .utf8).replacing("\\\n", with: "")
        let stage = try #require(text.components(separatedBy: "\nFROM ").last)
        lines = Array(stage.split(separator: "\n").dropFirst())
    }

    private func arguments(of instruction: String) -> [[Substring]] {
        lines.filter { $0.hasPrefix(instruction + " ") }.map { $0.dropFirst(instruction.count + 1).split(separator: " ") }
    }

    /// `SOURCE:DESTINATION`; what another stage has made lies in the repository, too.
    var copies: [String] {
        arguments(of: "COPY").map { words in words.filter { !$0.hasPrefix("--") }.map { String($0.trimmingPrefix("/src/")) } }
            .filter { $0[0] != ".build/release/annals" }.map { "\(repositoryRoot)/\($0[0]):\($0[1])" }
    }

    var environment: [String] { arguments(of: "ENV").flatMap { $0.map(String.init) } }
    var user: String { arguments(of: "USER").last.map { $0.joined() } ?? "root" }
    /// The Debian packages that it installs.
    var packages: [String] {
        let words = lines.joined(separator: " ").split(separator: " ").drop { $0 != "--no-install-recommends" }.dropFirst()
        return words.prefix { $0 != "&&" }.map(String.init)
    }
}

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The image` {
    @Test(.enabled(if: geteuid() == 0, "a root folder of one's own takes root"), .timeLimit(.minutes(longestTest)))
    func `runs as its user on a read-only root that holds what the Dockerfile puts there`() async throws {
        let image = try Image()
        #expect(image.user == "10001:10001")
        #expect(image.copies.count == 5)
        try await OtherPrograms.fetchSwaggerUI()
        // A container reaches PostgreSQL by the network; here it gets the folder of a socket that is open to all.
        try await withServer(settings: "unix_socket_permissions = 0777\nfsync = on\nfull_page_writes = on\n") { server in
            try await letEveryUserIn(at: server)
            try await execute("CREATE ROLE annals LOGIN CREATEROLE NOSUPERUSER", at: server)
            for name in ["log", "read", "identity", "vault"] { try await execute("CREATE DATABASE annals_\(name) OWNER annals", at: server) }
            chmod(server.socketFolder, 0o755)
            try await withDataDirectory { folder in
                for (name, mode) in [("", 0o755), ("/root", 0o755), ("/data", 0o711), ("/data/keys", 0o700)] {
                    try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
                    chmod(folder + name, mode_t(mode))
                }
                for name in ["/data", "/data/keys"] { chown(folder + name, 10_001, 10_001) }
                let arguments =
                    ["\(folder)/root", "\(folder)/data", Launch.binary.path, server.socketFolder] + image.environment + ["--"] + image.copies
                let said = try await Shell.run(
                    "unshare --mount --pid --fork --kill-child --mount-proc --propagation private '\(repositoryRoot)/Tests/EndToEndTests/Image/rehearse' "
                        + arguments.map { "'\($0)'" }.joined(separator: " "))
                #expect(
                    said.split(separator: "\n").map(String.init) == [
                        "the root is read-only",
                        """
                        without databases: annals: no PostgreSQL server was found to make a private one with: set ANNALS_LOG_URL, ANNALS_READ_URL, \
                        ANNALS_IDENTITY_URL and ANNALS_VAULT_URL, or install one (on Debian and Ubuntu: apt-get install postgresql) (1)
                        """,
                        "Annals is ready at http://0.0.0.0 (data in /var/lib/annals/data)",
                        "http://127.0.0.1/health answers 200",
                        "no health at another port (1)",
                        "/health: 200", "/docs: 200", "/openapi.json: 200", "/api/v1/posts: 200",
                        "registered: 201",
                        "user: 10001, rights: 0000000000000000",
                        "it stopped in peace",
                    ])
            }
        }
    }

    @Test func `installs the packages of every library that the program is linked with`() async throws {
        let packages = try Image().packages
        #expect(packages.contains("libpq5"))
        let missing = try await Shell.run(
            "python3 '\(repositoryRoot)/Tests/EndToEndTests/Image/packages.py' '\(Launch.binary.path)' \(packages.joined(separator: " "))")
        #expect(missing == "")
    }

    @Test func `makes key files of variables where secrets come as these`() async throws {
        try await withDataDirectory { directory in
            let key = String(repeating: "ab", count: 32)
            let said = try await Shell.run(
                """
                set -e; mkdir '\(directory)' '\(directory)/bin'
                printf '#!/bin/sh\\nenv | grep ^KEY_; echo "annals $*"' >'\(directory)/bin/annals'; chmod +x '\(directory)/bin/annals'
                export PATH='\(directory)/bin':$PATH ANNALS_DATA_DIR='\(directory)/data' KEY_SERVICE=\(key) KEY_CURSORS=\(key) KEYS_PUBLIC=public
                '\(repositoryRoot)/deploy/annals-from-environment' serve queries
                cd '\(directory)/data/keys'; for file in *.* */*; do echo "$file $(stat -c %a "$file") $(cat "$file")"; done
                """)
            let files = ["cursors.key 600 \(key)", "services.pub 600 public", "services/queries.key 600 \(key)"]
            #expect(said.split(separator: "\n").map(String.init) == ["annals serve queries"] + files)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "a mount takes root"))
    func `takes keys from a folder as Kubernetes mounts it, open to everybody and read-only, and from no other that is open`() async throws {
        try await withSystem { system, _ in
            let urls = try system.databaseURLs.map { "export \($0)='\($1)'" }.sorted().joined(separator: "\n")
            try await withDataDirectory { directory in
                let script = """
                    \(urls)
                    mkdir -p '\(directory)/keys'
                    mount -t tmpfs -o mode=1777 tmpfs '\(directory)/keys'
                    cp -r '\(system.dataDirectory)'/keys/* '\(directory)/keys/'; chmod 440 '\(directory)/keys/master.key'
                    '\(Launch.binary.path)' keys list --data-dir '\(directory)' 2>&1 | head -n 1
                    mount -o remount,ro '\(directory)/keys'
                    '\(Launch.binary.path)' keys list --data-dir '\(directory)' --json 2>/dev/null | head -c 2
                    """
                try Data(script.utf8).write(to: URL(filePath: directory + ".sh"))
                defer { try? FileManager.default.removeItem(atPath: directory + ".sh") }
                let said = try await Shell.run("unshare --mount --propagation private bash '\(directory).sh'").split(separator: "\n")
                #expect(said.count == 2 && said.last?.hasPrefix("[") == true, "\(said)")
                #expect(said.first?.contains("is open to every user of this machine (mode 777)") == true, "\(said)")
            }
        }
    }
}
