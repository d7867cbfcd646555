"""Reads the feed of posts with httpx-sse and with Chromium's EventSource while somebody writes, and says what each has got.

feed.py BASE TOKEN: prints one JSON object. httpx-sse is cut off in the midst, and resumes by its last id.
"""

import json
import sys
import threading

import httpx
from httpx_sse import connect_sse

from chromium import Page

base, token = sys.argv[1:]
stream = f"{base}/api/v1/posts/stream"
writer = httpx.Client(base_url=f"{base}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=600)


def publish(title):
    answer = writer.post("/posts", json={"title": title, "content": "x", "publish": True})
    answer.raise_for_status()
    return answer.json()["data"]["id"]


def read(last_id, is_enough, ready=None):
    """The events after a position, heartbeats left out, until there are enough."""
    got = []
    with httpx.Client(timeout=600) as client, connect_sse(client, "GET", stream, headers={"Last-Event-ID": last_id} if last_id else {}) as source:
        source.response.raise_for_status()
        for event in source.iter_sse():
            if event.event == "heartbeat":
                if ready is not None:
                    ready.append(event.id)
                    return got
                continue
            got.append({**event.json(), "id": event.id, "event": event.event})
            if is_enough(got):
                return got


start = []
read(None, lambda got: False, start)
titles = [f"Post {number}" for number in range(8)]
page = Page()
page.open(f"{base}/")
page.run(f"""
window.got = [];
window.source = new EventSource("/api/v1/posts/stream");
window.opened = 0;
source.addEventListener("open", () => window.opened++);
for (const name of ["published", "edited", "unpublished", "deleted", "reset"])
  source.addEventListener(name, (event) => window.got.push({{...JSON.parse(event.data), id: event.lastEventId, event: name}}));
source.addEventListener("heartbeat", (event) => window.beat = event.lastEventId);
undefined
""")
page.wait("window.beat !== undefined")
writing = threading.Thread(target=lambda: [publish(title) for title in titles])
writing.start()
# Cut off after three, and resumed from there.
first = read(start[0], lambda got: len(got) == 3)
rest = read(first[-1]["id"], lambda got: len(first) + len(got) == len(titles))
writing.join()
page.wait(f"window.got.length >= {len(titles)}")
browser = page.run("window.got")
print(json.dumps({
    "httpx": [event["title"] for event in first + rest],
    "ids": [int(event["id"]) for event in first + rest],
    "browser": [event["title"] for event in browser],
    "sameIDs": [event["id"] for event in browser] == [event["id"] for event in first + rest],
    "complaints": page.complaints,
}))
page.close()
