import PublishingAPI
import Testing

@testable import Upstreams

@Suite struct `The instances of a service` {
    private let one = Instance(host: "127.0.0.1", port: 1)
    private let two = Instance(host: "127.0.0.1", port: 2)

    @Test func `are those of the configuration, for each who asks`() async {
        let discovery = StaticDiscovery([.auth: [one, two], .commands: [two]])
        for _ in 1...2 {
            var lists = discovery.instances(of: .auth).makeAsyncIterator()
            #expect(await lists.next() == [one, two])
        }
        var lists = discovery.instances(of: .commands).makeAsyncIterator()
        #expect(await lists.next() == [two])
    }

    @Test func `are told when they are known, and again when they are others`() async {
        let lists = InstanceLists()
        var changes = lists.changes(of: .auth).makeAsyncIterator()
        lists.found([two], of: .commands)
        lists.found([two, one], of: .auth)
        #expect(await changes.next() == [one, two])
        lists.found([one, two, one], of: .auth)
        lists.found([two], of: .auth)
        #expect(await changes.next() == [two])
        lists.found([], of: .auth)
        #expect(await changes.next() == [])
    }

    @Test func `are told as they are now to who was slow`() async {
        let lists = InstanceLists()
        var changes = lists.changes(of: .auth).makeAsyncIterator()
        for list in [[one], [one, two], [two]] { lists.found(list, of: .auth) }
        #expect(await changes.next() == [two])
    }
}
