"""Holds the peers' answers to Annals'. A rate counts for nothing unless all give the same answers."""

import asyncio
import json
import re
import sys

from client import Client

NOT_COUNTED = {"DNT": "1"}
CURSOR = re.compile(rb',"nextCursor":"[^"]*"')


def check(contenders, posts, token):
    """Asks all for the same posts and lists, and says who answers with the same bytes. `posts` has ids and slugs."""
    return asyncio.run(compare(contenders, posts, token))


async def compare(contenders, posts, token):
    paths = [f"/api/v1/posts/{id}" for id, _ in posts] + [f"/api/v1/posts/by-slug/{slug}" for _, slug in posts]
    paths += ["/api/v1/posts", "/api/v1/posts?sort=views", "/health"]
    clients = {name: Client(contender.url) for name, contender in contenders.items()}
    same_bytes = set(contenders)
    for path in paths:
        bodies = {name: await body(client, path) for name, client in clients.items()}
        for name, found in bodies.items():
            if found != bodies["Annals"]:
                same_bytes.discard(name)
                if json.loads(found) != json.loads(bodies["Annals"]):
                    sys.exit(f"{path}: {name} answers\n{found.decode()}\nand Annals\n{bodies['Annals'].decode()}")
    for name, client in clients.items():
        await check_unchanged(name, client, paths[0])
        await check_new(name, client, token)
        client.close()
    alike = [name for name in contenders if name not in same_bytes]
    return f"answers have the same bytes in {', '.join(name for name in contenders if name in same_bytes)}" + (
        f", the same JSON in {', '.join(alike)}" if alike else "")


async def body(client, path):
    status, _, content = await client.call("GET", path, **NOT_COUNTED)
    if status != 200:
        sys.exit(f"{client.address} {path}: {status}")
    # The peers have no cursors.
    return CURSOR.sub(b"", content)


async def check_unchanged(name, client, path):
    _, fields, _ = await client.call("GET", path, **NOT_COUNTED)
    status, _, _ = await client.call("GET", path, If_None_Match=fields["etag"], **NOT_COUNTED)
    if status != 304:
        sys.exit(f"{name} answers {status} to its own entity tag")


async def check_new(name, client, token):
    post = {"title": f"A post that {name} takes", "content": "To see the shape of the answer."}
    status, fields, content = await client.call("POST", "/api/v1/posts", post, Authorization=f"Bearer {token}")
    data = json.loads(content)["data"]
    expected = {"id": data["id"], "slug": f"a-post-that-{name.lower()}-takes", "version": 1}
    if (status, data, fields["location"], fields["etag"]) != (201, expected, f"/api/v1/posts/{data['id']}", '"1"'):
        sys.exit(f"{name} answers a new post with {status} {fields} {data}")


async def entity_tags(client, ids):
    """Lines of ids and the tags that a contender gives them."""
    return [f"{id} {(await client.call('GET', f'/api/v1/posts/{id}', **NOT_COUNTED))[1]['etag']}" for id in ids]
