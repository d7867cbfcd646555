import FoundationEssentials
import Logging
package import PublishingAPI
import Redis

extension ServiceRegistry {
    /// Registers an instance until cancelled, and takes it out at the end. An instance that ends otherwise is forgotten by Redis in time.
    /// - Parameter instance: as others reach it.
    package func announce(_ service: ServiceName, at instance: Instance) async throws {
        let id = UUID().uuidString
        var isKnown = true
        do {
            while true {
                do throws(RedisError) {
                    let lifetime = Int(settings.lifetime / .milliseconds(1))
                    _ = try await call(RegistryScripts.register, service, [id, "\(instance)", "\(lifetime)"])
                    isKnown = true
                } catch {
                    if isKnown {
                        logger.warning("this instance can't be registered", metadata: ["service": "\(service)", "reason": "\(error)"])
                    }
                    isKnown = false
                }
                // Once Redis is back others should hear of it soon.
                try await Task.sleep(for: isKnown ? settings.beat : min(settings.beat, .milliseconds(500)))
            }
        } catch {
            await deregister(id, service)
            throw error
        }
    }

    private func deregister(_ id: String, _ service: ServiceName) async {
        do throws(RedisError) {
            _ = try await redis.run(
                RegistryScripts.deregister, keys: [RegistryScripts.key(of: service)], arguments: [id], within: settings.patience, isFinal: true)
        } catch {
            logger.warning("this instance is not deregistered: Redis forgets it in time", metadata: ["service": "\(service)", "reason": "\(error)"])
        }
    }

    private func call(_ script: RedisScript, _ service: ServiceName, _ arguments: [String]) async throws(RedisError) -> RedisReply {
        try await redis.run(script, keys: [RegistryScripts.key(of: service)], arguments: arguments, within: settings.patience)
    }
}
