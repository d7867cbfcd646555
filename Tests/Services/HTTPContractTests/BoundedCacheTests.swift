import HTTPContract
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A cache of so many bytes` {
    @Test func `gives what it was given last`() {
        var cache = BoundedCache<String, Int>(bytes: 100)
        #expect(cache.value(for: "a") == nil)
        cache.keep(1, size: 10, for: "a")
        cache.keep(2, size: 20, for: "a")
        #expect(cache.value(for: "a") == 2)
        #expect(cache.bytes == 20)
        cache.remove("a")
        #expect(cache.value(for: "a") == nil && cache.bytes == 0)
    }

    @Test func `never holds more, and lets go first of what nobody asks for`() {
        var cache = BoundedCache<Int, Int>(bytes: 100)
        for number in 0..<1000 {
            cache.keep(number, size: 10, for: number)
            #expect(cache.value(for: 0) == 0)
            #expect(cache.bytes <= 100)
        }
        #expect(cache.value(for: 999) == 999)
        #expect(cache.value(for: 1) == nil)
    }

    @Test func `keeps nothing that is larger than half of it, and forgets what that replaces`() {
        var cache = BoundedCache<Int, Int>(bytes: 100)
        cache.keep(1, size: 50, for: 1)
        cache.keep(2, size: 51, for: 1)
        #expect(cache.value(for: 1) == nil && cache.bytes == 0)
    }

    @Test func `is empty once all is taken, and counts on rightly`() {
        var cache = BoundedCache<Int, Int>(bytes: 100)
        for number in 0..<8 { cache.keep(number, size: 10, for: number) }
        var taken = cache.takeAll()
        #expect(cache.bytes == 0 && cache.value(for: 7) == nil)
        #expect(taken.value(for: 7) == 7)
        for number in 0..<100 {
            cache.keep(number, size: 10, for: number)
            #expect(cache.bytes <= 100)
        }
    }
}
