import RabbitMQ
import Testing

@Suite struct `The URL of a RabbitMQ broker` {
    @Test(arguments: [
        ("amqp://localhost", "localhost", 5672, "/"), ("amqp://", "localhost", 5672, "/"), ("amqp://ann:secret@host/", "host", 5672, "/"),
        ("amqp://ann:p%40ss@10.0.0.1:7000/%2F", "10.0.0.1", 7000, "/"), ("amqp://host/orders", "host", 5672, "orders"),
        ("amqp://[2001:db8::1]:7000/a%2Fb", "2001:db8::1", 7000, "a/b"),
    ])
    func `names where it is`(row: (url: String, host: String, port: Int, virtualHost: String)) throws {
        let target = try #require(RabbitMQTarget(row.url))
        #expect(target.host == row.host && target.port == row.port && target.virtualHost == row.virtualHost)
    }

    @Test(arguments: ["", "amqps://host", "http://host", "host:5672", "amqp://host:port", "amqp://host:0x10", "amqp://ann:p%4@host", "amqp://a@b@c"])
    func `of another form is none`(url: String) { #expect(RabbitMQTarget(url) == nil) }

    @Test func `never shows user and password`() throws {
        let target = try #require(RabbitMQTarget("amqp://ann:secret@host:1/a%2Fb"))
        var dumped = ""
        dump(target, to: &dumped)
        for text in ["\(target)", String(reflecting: target), dumped, "\([target])"] {
            #expect(text.contains("amqp://host:1/a%2Fb") && !text.contains("secret") && !text.contains("ann"))
        }
    }
}
