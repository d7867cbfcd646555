"""UmaDB, whose wheel brings the server: one thread a client, one event an append.

Each event has a tag of its own, and is refused if an event with that tag is there: what a new stream and a value that is taken are to Annals.
"""

import argparse
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from uuid import uuid4

import umadb
from clients import measure


def server(folder):
    """Starts one that is flushed to the disk before an append is answered, as it ships."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [pathlib.Path(sys.executable).parent / "umadb", "--listen", address, "--db-path", f"{folder}/uma.db"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            umadb.Client(f"http://{address}").head()
            return process, f"http://{address}"
        except (umadb.TransportError, ConnectionError, OSError):
            time.sleep(0.1)
    raise SystemExit("UmaDB does not answer")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    arguments = parser.parse_args()
    data = b"x" * arguments.bytes

    with tempfile.TemporaryDirectory() as folder:
        process, url = server(folder)

        def connect(clients):
            client = umadb.Client(url)

            def append():
                tag = f"post:{uuid4()}"
                event = umadb.Event(event_type="PostDrafted", data=data, tags=[tag], uuid=uuid4())
                client.append([event], umadb.AppendCondition(umadb.Query([umadb.QueryItem(tags=[tag])])))

            return append

        try:
            measure(arguments.clients, arguments.seconds, connect)
        finally:
            process.terminate()
            process.wait()


main()
