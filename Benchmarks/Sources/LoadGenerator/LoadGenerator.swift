import ArgumentParser

/// Puts load on the parts of Annals that are measured; `Benchmarks/run` calls it and sets it beside its peers.
@main struct LoadGenerator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "LoadGenerator", abstract: "Puts a measured load on Annals.",
        subcommands: [
            Prepare.self, Append.self, Wake.self, Fill.self, PrepareRead.self, Project.self, Rebuild.self, Visible.self, Export.self, Follow.self,
            Covered.self, Verify.self,
        ])
}
