"""A small HTTP client: one connection that stays open, one call after the other."""

import asyncio
import json
import urllib.parse


class Client:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.address = parts.hostname, parts.port
        self.streams = None

    async def call(self, method, path, body=None, **headers):
        """Status, headers in lower case, and the body's bytes. Underscores in a header's name stand for hyphens."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address)
        reader, writer = self.streams
        content = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: annals", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        status = int(head[0].split(" ")[1])
        length = 0 if status in (204, 304) else int(fields.get("content-length", 0))
        return status, fields, await reader.readexactly(length)

    async def data(self, method, path, body=None, **headers):
        """The `data` of an answer that must be a success, and its headers."""
        status, fields, content = await self.call(method, path, body, **headers)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {content.decode()}")
        return (json.loads(content)["data"] if content else None), fields

    def close(self):
        if self.streams:
            self.streams[1].close()


async def side_by_side(url, count, items, act):
    """Acts on each item with one of so many connections; the results are in the items' order."""
    items = list(items)
    results = [None] * len(items)
    remaining = iter(range(len(items)))

    async def work():
        client = Client(url)
        for index in remaining:
            results[index] = await act(client, items[index])
        client.close()

    await asyncio.gather(*(work() for _ in range(min(count, len(items)))))
    return results
