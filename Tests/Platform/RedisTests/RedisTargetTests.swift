import Redis
import Testing

@Suite struct `The URL of a Redis server` {
    @Test(arguments: [
        ("redis://localhost", RedisTarget(.tcp(host: "localhost", port: 6379))),
        ("redis://localhost/", RedisTarget(.tcp(host: "localhost", port: 6379))),
        ("redis://10.0.0.1:7000/3", RedisTarget(.tcp(host: "10.0.0.1", port: 7000), database: 3)),
        ("redis://[2001:db8::1]:7000", RedisTarget(.tcp(host: "2001:db8::1", port: 7000))),
        ("redis://[::1]/1", RedisTarget(.tcp(host: "::1", port: 6379), database: 1)),
        ("redis://:secret@host", RedisTarget(.tcp(host: "host", port: 6379), password: "secret")),
        ("redis://ann:p%40ss%2F%C3%A9@host:1/2", RedisTarget(.tcp(host: "host", port: 1), user: "ann", password: "p@ss/é", database: 2)),
        ("unix:///run/redis.sock", RedisTarget(.unixSocket(path: "/run/redis.sock"))),
        ("unix:///run/redis.sock?db=4", RedisTarget(.unixSocket(path: "/run/redis.sock"), database: 4)),
    ])
    func `names where it is and how to log in`(row: (String, RedisTarget)) {
        #expect(RedisTarget(row.0) == row.1)
    }

    @Test(arguments: [
        "", "redis://", "redis:///1", "rediss://host", "host:6379", "redis://host:0", "redis://host:65536", "redis://host:x", "redis://host/x",
        "redis://host/-1", "redis://host/1/2", "redis://ann@host", "redis://ann:@host", "redis://:p%4@host", "redis://:%ff@host", "redis://ho st",
        "redis://host?db=1", "unix://run/redis.sock", "unix:///", "unix:///a?x=1", "unix:///a?db=x",
    ])
    func `of another form is none`(url: String) {
        #expect(RedisTarget(url) == nil)
    }

    @Test func `never shows its password`() throws {
        let target = try #require(RedisTarget("redis://ann:secret@host:1/2"))
        var dumped = ""
        dump(target, to: &dumped)
        for text in ["\(target)", String(reflecting: target), dumped, "\([target])"] {
            #expect(text.contains("redis://host:1/2") && !text.contains("secret") && !text.contains("ann"))
        }
    }
}
