import Redis

/// The work of Redis, each script in one step. A bucket's key is `annals:limit:<policy>:<caller>`; it holds the moment at which the bucket is full
/// again, as seconds of Redis's clock with nine decimals, and is gone from then on.
enum LimitScripts {
    static let charge = RedisScript(charging(clock: "redis.call('TIME')"))

    /// Charges buckets in turn, up to the first that is empty.
    ///
    /// `ARGV` has four numbers for each key: the interval and the burst, the calls that are wanted (negative gives so many back), and what the caller
    /// owes at least, all times in nanoseconds. The reply has two for each bucket that was charged: how many calls it gave, and what is owed then.
    ///
    /// Several are given only while they are no more than half of what is left, so that the last calls of a bucket go to whoever asks first.
    /// Numbers are doubles in Lua: a debt of a day in nanoseconds is exact, and so is a moment when its seconds stand alone.
    ///
    /// - Parameter clock: gives seconds and microseconds.
    static func charging(clock: String) -> String {
        """
        local now = \(clock)
        local seconds, nanos = tonumber(now[1]), tonumber(now[2]) * 1000
        local reply = {}
        for i, key in ipairs(KEYS) do
          local interval, burst = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
          local wanted, least = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
          local owed = least
          local kept = redis.call('GET', key)
          if kept then
            local s, n = string.match(kept, '^(%d+)%.(%d+)$')
            if s then owed = math.max(least, math.min(burst, (tonumber(s) - seconds) * 1e9 + tonumber(n) - nanos)) end
          end
          local given = 0
          if wanted < 0 then
            owed = math.max(0, owed + wanted * interval)
          else
            local free = math.floor((burst - owed) / interval)
            if free > 0 then given = math.max(1, math.min(wanted, math.floor(free / 2))) end
            owed = owed + given * interval
          end
          if given > 0 or wanted < 0 or least > 0 then
            if owed > 0 then
              local full = nanos + owed
              local moment = string.format('%d.%09d', seconds + math.floor(full / 1e9), full % 1e9)
              redis.call('SET', key, moment, 'PX', math.ceil(owed / 1e6))
            else
              redis.call('DEL', key)
            end
          end
          reply[2 * i - 1], reply[2 * i] = given, owed
          if given == 0 and wanted > 0 then break end
        end
        return reply
        """
    }

    static let gateways = "annals:gateways"

    /// Counts this gateway (`ARGV[1]`) for so many milliseconds (`ARGV[2]`), and replies how many there are.
    static let beat = RedisScript(
        """
        local now = redis.call('TIME')
        local millis = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
        redis.call('ZADD', KEYS[1], millis, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', millis - tonumber(ARGV[2]))
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('ZCARD', KEYS[1])
        """)
}
