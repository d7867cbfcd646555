"""Has httplint read an answer of every call of a running system: as anybody, as a user and as an admin; whole, HEAD, and 304.

lint.py BASE USER_TOKEN ADMIN_TOKEN: prints one line for each kind of note that is not explained here.
"""

import collections
import http.client
import json
import re
import sys
from urllib.parse import urlsplit

from httplint import HttpRequestLinter, HttpResponseLinter

# Notes that stay, and why. Any other one fails the test, good news left out.
EXPLAINED = {
    # They tell what the answer means, and it is meant.
    "STATUS_BAD_REQUEST": "asked for on purpose",
    "STATUS_CONFLICT": "asked for on purpose",
    "STATUS_FORBIDDEN": "asked for on purpose",
    "STATUS_METHOD_NOT_ALLOWED": "asked for on purpose",
    "STATUS_NOT_FOUND": "asked for on purpose",
    "STATUS_SERVICE_UNAVAILABLE": "a busy machine is not ready for a moment",
    "FRESHNESS_NO_CACHE": "an answer is asked about before it is used again",
    "STORE_NO_STORE": "an answer to one caller, or of this moment",
    "STORE_PRIVATE_AUTH": "an answer to one caller",
    "STORE_PRIVATE_CC": "an answer to one caller",
    "STORE_PUBLIC_AUTH": "keys and tiles are the same for everybody",
    "STORE_STORABLE": "pages and documents are the same for everybody",
    "STORE_UNSTORABLE": "a 304, or an answer to a command",
    "STALE_SERVABLE": "old keys and tiles are as good as new ones",
    # They advise otherwise.
    "LOCATION_NOT_ABSOLUTE": "RFC 9110 (10.2.2) allows a path, which is right behind every proxy",
    "FRESHNESS_NO_CACHE_NO_VALIDATOR": "the log's checkpoint is shorter than the headers that would save it",
    "STORE_PUBLIC_UNNECESSARY": "without `public` no shared cache keeps keys and tiles for those who send a token along",
}

base, *tokens = sys.argv[1:]
connection = http.client.HTTPConnection(urlsplit(base).netloc)
seen = collections.defaultdict(set)
calls = 0


def exchange(method, path, headers, body=None):
    global calls
    calls += 1
    headers = {"Host": urlsplit(base).netloc, "User-Agent": "lint/1.0", "Accept": "*/*", **headers}
    connection.request(method, path, body=None if body is None else json.dumps(body).encode(),
                       headers=headers | ({} if body is None else {"Content-Type": "application/json"}))
    answer = connection.getresponse()
    content = answer.read()
    request = HttpRequestLinter()
    request.process_request_topline(method.encode(), (base + path).encode(), b"HTTP/1.1")
    request.process_headers([(name.encode(), value.encode()) for name, value in headers.items()])
    response = HttpResponseLinter(no_content=method == "HEAD")
    response.request = request
    response.is_head_response = method == "HEAD"
    response.process_response_topline(b"HTTP/1.1", str(answer.status).encode(), answer.reason.encode())
    response.process_headers([(name.encode(), value.encode()) for name, value in answer.headers.items()])
    response.feed_content(content)
    response.finish_content(True)
    for note in flattened(response.notes):
        if note.level.value != "good" and type(note).__name__ not in EXPLAINED:
            seen[f"{note.level.value} {type(note).__name__}: {note}"].add(f"{method} {path} {answer.status}")
    return answer, content


def flattened(notes):
    for note in notes:
        yield note
        yield from flattened(note.subnotes)


def resolved(document, node):
    while "$ref" in node:
        place = document
        for name in node["$ref"].split("/")[1:]:
            place = place[name]
        node = place
    return node


_, content = exchange("GET", "/openapi.json", {})
document = json.loads(content)
post = json.loads(exchange("POST", "/api/v1/posts", {"Authorization": f"Bearer {tokens[0]}"}, {"title": "Linted", "content": "x", "publish": True})[1])
ids = {"id": post["data"]["id"], "slug": "linted", "position": 1, "path": "0/000.p/1"}
for path, item in document["paths"].items():
    for method, operation in item.items():
        if method == "parameters":
            continue
        parameters = [resolved(document, parameter) for parameter in item.get("parameters", []) + operation.get("parameters", [])]
        examples = {parameter["name"]: parameter.get("example") for parameter in parameters if parameter["in"] == "path"}
        body = resolved(document, operation["requestBody"])["content"]["application/json"]["example"] if "requestBody" in operation else None
        # The post that is there, which nobody deletes, and the examples' ids, of which nothing is there.
        for values in ([examples] if method == "delete" else [{**examples, **{name: ids[name] for name in examples if name in ids}}, examples]):
            target = re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), path)
            # A feed has no end. One that is to begin after a position that the log does not have is refused at once.
            if path.endswith("/stream"):
                target += "?after=999999999"
            for token in [None, *tokens]:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                answer, _ = exchange(method.upper(), target, headers, body)
                if method == "get":
                    exchange("HEAD", target, headers)
                    if answer.status == 200 and "ETag" in answer.headers:
                        exchange("GET", target, {**headers, "If-None-Match": answer.headers["ETag"]})
for path, headers in [("/nothing", {}), ("/api/v1/posts?limit=0", {}), ("/api/v1/posts/%zz", {}), ("/api/v1/users/me", {"Authorization": "Bearer bad"})]:
    exchange("GET", path, headers)
exchange("PUT", "/api/v1/posts", {}, {})
exchange("OPTIONS", "/api/v1/posts", {})
print(json.dumps({"calls": calls, "found": [f"{note} ({len(places)}, such as {sorted(places)[0]})" for note, places in sorted(seen.items())]}))
