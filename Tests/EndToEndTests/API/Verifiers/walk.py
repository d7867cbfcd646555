"""Generates a client in Python from a running system's OpenAPI document, and makes a post with it.

walk.py BASE: prints one JSON object with what the generator warned of, and what the client got.
"""

import importlib
import json
import re
import subprocess
import sys
import tempfile

base = sys.argv[1]
with tempfile.TemporaryDirectory(prefix="annals-client-") as folder:
    with open(f"{folder}/config.yaml", "w") as file:
        file.write("http_timeout: 600\n")
    generated = subprocess.run(
        ["openapi-python-client", "generate", "--url", f"{base}/openapi.json", "--config", f"{folder}/config.yaml", "--meta", "none",
         "--output-path", f"{folder}/annals_client"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    sys.path.insert(0, folder)
    client_module = importlib.import_module("annals_client")
    models = importlib.import_module("annals_client.models")

    def call(tag, operation, client, *arguments, **parameters):
        return importlib.import_module(f"annals_client.api.{tag}.{operation}").sync_detailed(*arguments, client=client, **parameters)

    anyone = client_module.Client(base_url=base)
    registered = call("accounts", "register", anyone, body=models.RegisterBody(username="ann", email="ann@example.org", password="correct horse battery"))
    session = call("accounts", "login", anyone, body=models.LoginBody(email="ann@example.org", password="correct horse battery"))
    ann = client_module.AuthenticatedClient(base_url=base, token=session.parsed.data.access_token)
    drafted = call("posts", "create_post", ann, body=models.CreatePostBody(title="Hello", content="First post."), idempotency_key="one")
    again = call("posts", "create_post", ann, body=models.CreatePostBody(title="Hello", content="First post."), idempotency_key="one")
    published = call("posts", "publish_post", ann, drafted.parsed.data.id, body=models.PublishPostBody(), if_match=drafted.headers["ETag"])
    # A busy machine may need more than the longest wait there is.
    for _ in range(30):
        read = call("posts", "post_by_slug", anyone, "hello", wait_for_position=int(published.headers["Position"]), prefer="wait=10")
        if int(read.status_code) != 503:
            break
    listed = call("posts", "list_posts", anyone)
    history = call("posts", "post_history", ann, drafted.parsed.data.id)
    missing = call("posts", "post_by_slug", anyone, "nothing")

print(json.dumps({
    "warnings": re.findall(r"WARNING (.*)", generated.stdout),
    "statuses": [int(answer.status_code) for answer in (registered, session, drafted, again, published, read, listed, history, missing)],
    "sameID": drafted.parsed.data.id == again.parsed.data.id,
    "title": read.parsed.data.title,
    "author": read.parsed.data.author.username,
    "published": read.parsed.data.published,
    "listed": [post.slug for post in listed.parsed.data],
    "history": [entry.type_ for entry in history.parsed.data],
    "code": missing.parsed.code,
}))
