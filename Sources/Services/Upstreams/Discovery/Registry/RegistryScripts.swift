import PublishingAPI
import Redis

/// The work of the registry, each script in one step. A service has a set of its instances' ids, `annals:services:<service>`, and each instance a key
/// with its address that Redis forgets in time, `annals:services:<service>:<id>`. Changes are told on a channel.
enum RegistryScripts {
    static let channel = "annals:services"

    static func key(of service: ServiceName) -> String { "annals:services:\(service.rawValue)" }

    /// `ARGV`: id, address, milliseconds.
    static let register = RedisScript(
        """
        redis.call('SET', KEYS[1] .. ':' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
        if redis.call('SADD', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', 'annals:services', KEYS[1]) end
        return 1
        """)

    /// `ARGV`: id.
    static let deregister = RedisScript(
        """
        redis.call('DEL', KEYS[1] .. ':' .. ARGV[1])
        if redis.call('SREM', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', 'annals:services', KEYS[1]) end
        return 1
        """)

    /// The addresses. Ids whose key is gone are dropped.
    static let list = RedisScript(
        """
        local addresses = {}
        for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
          local address = redis.call('GET', KEYS[1] .. ':' .. id)
          if address then addresses[#addresses + 1] = address else redis.call('SREM', KEYS[1], id) end
        end
        return addresses
        """)
}
