import TestSupport
import Testing

/// The ways to run Annals elsewhere, held to the tools that read these files there. No container engine is needed for that, and none is tried:
/// docs/run.md says what could not be run.
@Suite(.timeLimit(.minutes(15))) struct `The packages` {
    @Test func `for Kubernetes fit its schemas, run as nobody, and leave only the gateway open`() async throws {
        #expect(try await run("kubernetes.py", "deploy/kubernetes") == "37 objects\n")
    }

    @Test func `for Docker Compose start in order, and give each service what is its own`() async throws {
        #expect(try await run("compose.py", "docker-compose.yml") == "13 services\n")
    }

    @Test func `for containers are built as hadolint advises`() async throws {
        #expect(try await run("tool.py", "hadolint", "Dockerfile", "deploy/serverless/Dockerfile") == "")
    }

    @Test func `for AWS fit its specification`() async throws {
        #expect(try await run("tool.py", "cfn-lint", "deploy/serverless/template.yaml") == "")
    }

    /// Runs a script and returns what it prints, errors included. It ends with 0, or the test fails.
    private func run(_ script: String, _ arguments: String...) async throws -> String {
        let folder = repositoryRoot + "/Tests/RepositoryTests/Packages"
        let (end, said, _) = try await ChildProgram.run([repositoryRoot + "/Tests/python", folder, script] + arguments, isMerged: true)
        try #require(end == .exit(0), "\(said)")
        return said
    }
}
