"""Annals as its user runs it: `annals up` on a data folder, with the rate limit off."""

import asyncio
import os
import pathlib
import random
import signal
import subprocess
import time

import psycopg
from client import side_by_side
from processes import cpu_seconds, resident_megabytes

CONTENT = "“Nothing acknowledged is ever lost,” says the log,\nand keeps it. " * 4
PASSWORD = "nothing acknowledged is lost"


SERVER_SETTINGS = ["fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size", "checkpoint_timeout", "jit"]


class Annals:
    arguments = []

    def __init__(self, binary, folder, settings=None):
        """`settings` are variables of the environment, in place of those that are set for all."""
        self.binary = binary
        self.data = pathlib.Path(folder) / "data"
        self.settings = {"ANNALS_RATE_LIMIT": "off"} | (settings or {})
        self.emails = []
        self.start()

    def start(self):
        """Returns after the ready line; `start_seconds` is the time it took."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANNALS_") or name == "ANNALS_ROOT"}
        start = time.perf_counter()
        self.process = subprocess.Popen(
            [self.binary, "up", *self.arguments, "--port", "0", "--data-dir", str(self.data)], stdout=subprocess.PIPE, text=True,
            env={**environment, **self.settings})
        ready = self.process.stdout.readline()
        self.start_seconds = time.perf_counter() - start
        if " ready at " not in ready:
            raise RuntimeError("annals up ended before it was ready")
        self.url = ready.split(" ready at ")[1].split()[0]
        self.database_pid = int((self.data / "postgres/data/postmaster.pid").read_text().splitlines()[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def connect(self, database):
        """The private PostgreSQL, which lets in the user who runs it."""
        return psycopg.connect(host=str(self.data / "postgres/socket"), user="postgres", dbname=database, autocommit=True)

    def value(self, database, query):
        with self.connect(database) as connection:
            return connection.execute(query).fetchone()[0]

    def server_settings(self):
        """Those of its PostgreSQL that figures depend on."""
        return {name: f"'{self.value('postgres', f'SHOW {name}')}'" for name in SERVER_SETTINGS}

    def cpu_seconds(self):
        """Of the server and of its database."""
        return cpu_seconds(self.process.pid, without=self.database_pid), cpu_seconds(self.database_pid)

    def resident_megabytes(self):
        return resident_megabytes(self.process.pid, without=self.database_pid)

    def settle(self):
        """Waits until the read models have everything that was answered, so that a measurement pays for all it has caused.

        Views are gathered for a quarter of a second before they become events, so the log has to be quiet for longer than that.
        """
        with self.connect("annals_log") as log, self.connect("annals_read") as read:
            head, since = None, time.monotonic()
            while time.monotonic() < since + 60:
                now = log.execute("SELECT max(position) FROM log.events").fetchone()[0]
                behind = read.execute("SELECT count(*) FROM annals.checkpoints WHERE position < %s", [now]).fetchone()[0]
                if now != head:
                    head, since = now, time.monotonic()
                elif not behind and time.monotonic() > since + 0.4:
                    return
                time.sleep(0.05)
        raise RuntimeError(f"read models stay behind position {head}")

    def checkpoint(self):
        with self.connect("postgres") as connection:
            connection.execute("CHECKPOINT")

    def fill(self, posts, authors):
        """Registers authors, and has them publish posts and readers see them, by the same calls that anyone would make."""
        tokens = asyncio.run(self.publish(posts, authors))
        self.settle()
        with self.connect("annals_read") as connection:
            ids = [str(row[0]) for row in connection.execute("SELECT id FROM posts.post ORDER BY id")]
        asyncio.run(self.view(ids, posts // 10, tokens))
        self.settle()
        with self.connect("annals_read") as connection:
            connection.execute("VACUUM ANALYZE")

    async def publish(self, posts, authors):
        rng = random.Random(42)

        async def register(client, number):
            name = f"author{number:04}"
            email = f"{name}@example.org"
            await client.data("POST", "/api/v1/auth/register", {"username": name, "email": email, "password": PASSWORD})
            self.emails.append(email)
            token = await self.sign_in(client, email)
            if number % 2:
                await client.data("PATCH", "/api/v1/users/me", {"displayName": f"Author number {number}"}, Authorization=f"Bearer {token}")
            return token

        async def post(client, number):
            token = rng.choice(tokens)
            body = {"title": f"Post {number}: a title in “quotes”", "content": CONTENT + str(number), "publish": True}
            await client.data("POST", "/api/v1/posts", body, Authorization=f"Bearer {token}")

        tokens = await side_by_side(self.url, 4, range(authors), register)
        await side_by_side(self.url, 64, range(posts), post)
        return tokens

    async def view(self, ids, count, tokens):
        """So many reads by users, most of them of the newest posts."""
        rng = random.Random(42)

        async def read(client, id):
            await client.data("GET", f"/api/v1/posts/{id}", Authorization=f"Bearer {rng.choice(tokens)}")

        await side_by_side(self.url, 64, [ids[-1 - int(len(ids) ** rng.random()) % len(ids)] for _ in range(count)], read)

    def tokens(self, count):
        """Access tokens of so many authors, good for a quarter of an hour."""
        return asyncio.run(side_by_side(self.url, 4, self.emails[:count], self.sign_in))

    async def sign_in(self, client, email):
        data, _ = await client.data("POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})
        return data["accessToken"]
