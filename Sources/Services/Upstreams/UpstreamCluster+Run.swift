import Logging
import Synchronization

extension UpstreamCluster {
    /// Follows the service's instances and asks each whether it is ready, until cancelled; then closes the connections.
    package func run() async throws {
        let client = InstanceClient(settings)
        core.withLock { $0.client = client }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.follow() }
            await self.check(with: client, in: &group)
            group.cancelAll()
        }
        core.withLock { $0.client = nil }
        try await client.shutDown()
    }

    private func follow() async {
        for await instances in discovery.instances(of: service) {
            core.withLock { $0.fleet.replace(with: instances) }
            logger.info("instances", metadata: ["instances": "\(instances.map { "\($0)" }.sorted().joined(separator: ", "))"])
        }
    }

    /// Asks each instance once an interval, and those that are passed over four times as often: they are taken back soon.
    private func check(with client: InstanceClient, in group: inout DiscardingTaskGroup) async {
        let checks = settings.checks
        var round = 0
        while !Task.isCancelled {
            // Not in step with other callers of the same instances.
            let pause = round == 0 ? .zero : checks.interval / 4 * Double.random(in: 0.9...1.1)
            do { try await timing.nextCheck(pause) } catch { return }
            let now = timing.now()
            let due = core.withLock { core in core.fleet.startChecks(isFullRound: round % 4 == 0, at: now) }
            for instance in due {
                group.addTask {
                    let isReady = await client.isReady(instance, in: checks.timeout)
                    guard !Task.isCancelled else { return }
                    self.change { fleet, later in fleet.checked(instance, isReady: isReady, asked: now, now: later) }
                }
            }
            round += 1
        }
    }
}
