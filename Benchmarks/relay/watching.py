"""Watchers of /events/stream, and writers beside them."""

import asyncio
import time
import urllib.parse

from client import Client

WRITERS = 4
EVENT = b"event: PostDrafted"


class Watcher(asyncio.Protocol):
    """Counts events. The first of all watchers notes when it has got each position."""

    def __init__(self, watch, request):
        self.watch = watch
        self.request = request
        self.is_first = not watch.watchers
        self.rest = b""
        self.end = b""
        watch.watchers.append(self)

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        now = time.perf_counter()
        # An event has one line with its type, and so has a heartbeat, which is rare. A line may come in two parts.
        self.watch.delivered += (self.end + data).count(EVENT)
        self.end = data[-len(EVENT) + 1:]
        if b"heartbeat" in data:
            self.watch.ready += 1
        if self.is_first:
            lines = (self.rest + data).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                if line.startswith(b"id: "):
                    self.watch.seen.setdefault(int(line[4:]), now)

    def connection_lost(self, error):
        self.watch.lost += 1


class Watch:
    """So many watchers while posts are drafted for some seconds."""

    def __init__(self, url, token, tokens):
        self.url, self.token, self.tokens = url, token, tokens
        self.watchers, self.seen, self.answered = [], {}, {}
        self.delivered = self.ready = self.lost = 0

    async def run(self, count, seconds, rate=None):
        """`rate` is how many posts are drafted a second; None is as many as are answered."""
        address = urllib.parse.urlsplit(self.url)
        request = (
            f"GET /api/v1/events/stream?type=PostDrafted HTTP/1.1\r\nHost: annals\r\nAuthorization: Bearer {self.token}\r\n\r\n").encode()
        loop = asyncio.get_running_loop()
        for start in range(0, count, 100):
            await asyncio.gather(*(
                loop.create_connection(lambda: Watcher(self, request), address.hostname, address.port)
                for _ in range(start, min(start + 100, count))))
        # Each begins with a heartbeat.
        while self.ready < count:
            await asyncio.sleep(0.05)
        self.delivered = 0
        start = time.perf_counter()
        await asyncio.gather(*(self.write(number, start + seconds, rate) for number in range(WRITERS)))
        wanted = count * len(self.answered)
        while self.delivered < wanted and not self.lost:
            if time.perf_counter() > start + seconds + 120:
                raise RuntimeError(f"{self.delivered} of {wanted} events have come")
            await asyncio.sleep(0.01)
        elapsed = time.perf_counter() - start
        for watcher in self.watchers:
            watcher.transport.abort()
        delays = sorted(max(0, self.seen[position] - answer) * 1000 for position, answer in self.answered.items() if position in self.seen)
        return {
            "watchers": count, "appended": len(self.answered) / elapsed, "delivered": self.delivered / elapsed, "lost": self.lost,
            "p50": delays[len(delays) // 2], "p99": delays[int(len(delays) * 0.99)],
        }

    async def write(self, number, end, rate):
        client = Client(self.url)
        token = self.tokens[number % len(self.tokens)]
        next_time = time.perf_counter()
        while time.perf_counter() < end:
            if rate:
                next_time += WRITERS / rate
                await asyncio.sleep(max(0, next_time - time.perf_counter()))
            _, headers = await client.data("POST", "/api/v1/posts", {"title": "A title", "content": "Words."}, Authorization=f"Bearer {token}")
            self.answered[int(headers["position"])] = time.perf_counter()
        client.close()


def watch(url, token, tokens, count, seconds, rate=None):
    return asyncio.run(Watch(url, token, tokens).run(count, seconds, rate))


def schedule(url, tokens, count, at):
    """Drafts so many posts that are to be published at one time."""

    async def one(client, number, token):
        headers = {"Authorization": f"Bearer {token}"}
        post, _ = await client.data("POST", "/api/v1/posts", {"title": f"To come {number}", "content": "Words."}, **headers)
        await client.data("POST", f"/api/v1/posts/{post['id']}/schedule", {"at": at}, **headers)

    async def work(token, numbers):
        client = Client(url)
        for number in numbers:
            await one(client, number, token)
        client.close()

    async def all():
        await asyncio.gather(*(work(tokens[first % len(tokens)], range(first, count, 16)) for first in range(16)))

    asyncio.run(all())
