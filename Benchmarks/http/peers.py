"""The peers, each a server of a few dozen lines on the same tables in a PostgreSQL with the same settings."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

from processes import cpu_seconds, resident_megabytes

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "peers"
BUILT = SOURCES.parent / ".build/peers"
TABLES = ["posts.post", "posts.published_count", "users.account", "view_counts.total"]


def commands(port):
    """How each peer's user would start it, by name."""
    granian = [str(pathlib.Path(sys.executable).with_name("granian")), "--interface", "rsgi", "--loop", "uvloop", "--no-ws"]
    granian += ["--workers", str(os.cpu_count()), "--port", str(port), "--log-level", "warning", "posts:app"]
    return {
        "Go": [str(BUILT / "go")],
        "Rust": [str(BUILT / "rust/release/posts")],
        "Python": granian,
        "Swift": [str(BUILT / "swift/release/PostServer")],
    }


class Peer:
    def __init__(self, name, server, database, author):
        self.database_pid = server.pid
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            **os.environ, "PORT": str(port), "AUTHOR": author, "DATABASE_URL": f"postgresql://postgres@/{database}?host={server.folder}"}
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(commands(port)[name], cwd=SOURCES / "python", env=environment)
        self.wait_until_ready(name)

    def wait_until_ready(self, name):
        for _ in range(200):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"{self.url}/health") as answer:
                    if answer.status == 200:
                        return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the peer {name} does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid), cpu_seconds(self.database_pid)

    def resident_megabytes(self):
        return resident_megabytes(self.process.pid)

    def settle(self):
        """Nothing is left to do once it has answered."""


def copy_tables(annals, server, database):
    """Makes the peers' tables with the rows of Annals'."""
    server.create(database)
    server.execute(database, (SOURCES / "tables.sql").read_text())
    with annals.connect("annals_read") as source, server.connect(database) as target:
        for table in TABLES:
            columns = ", ".join(column.name for column in target.execute(f"SELECT * FROM {table} LIMIT 0").description)
            with source.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT") as reading:
                with target.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as writing:
                    for block in reading:
                        writing.write(block)
    server.execute(database, "VACUUM ANALYZE")
