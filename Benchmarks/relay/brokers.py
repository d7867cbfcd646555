"""Brokers of the benchmark's own, on loopback, in a temporary folder, and their own clients."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
REDIS_OPTIONS = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
WINDOW = 256


def free_port():
    """One that nobody listens on at this moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until_listening(port, process):
    for _ in range(1200):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"nobody listens at port {port}")


def end(process):
    """With those that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Redis:
    name = "Redis"
    sink = "redis"
    own_client = "redis-benchmark, XADD, 100 a pipeline"

    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, *REDIS_OPTIONS],
            stdout=subprocess.DEVNULL, start_new_session=True)
        until_listening(self.port, self.process)

    @property
    def settings(self):
        return {"ANNALS_REDIS_URL": f"redis://127.0.0.1:{self.port}", "ANNALS_RELAY_REDIS": "true"}

    def own_rate(self, count, size):
        command = ["redis-benchmark", "-p", str(self.port), "-n", str(count), "-c", "1", "-P", "100", "-q", "XADD", "own", "*", "event", "x" * size]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return float(re.findall(r"([\d.]+) requests per second", output)[-1])

    def stop(self):
        end(self.process)


class RabbitMQ:
    """With one durable queue that gets everything."""

    name = "RabbitMQ"
    sink = "rabbitmq"
    own_client = f"librabbitmq, {WINDOW} ahead of their confirmations"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port, mapper, distribution = free_port(), free_port(), free_port()
        self.mapper = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(mapper)], stderr=subprocess.DEVNULL, start_new_session=True)
        until_listening(mapper, self.mapper)
        definitions = {
            "vhosts": [{"name": "/"}],
            "users": [{"name": "guest", "password": "guest", "tags": ["administrator"]}],
            "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
            "exchanges": [{"name": "annals.events", "vhost": "/", "type": "topic", "durable": True, "auto_delete": False, "internal": False,
                           "arguments": {}}],
            "queues": [{"name": "all", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}],
            "bindings": [{"source": "annals.events", "vhost": "/", "destination": "all", "destination_type": "queue", "routing_key": "#",
                          "arguments": {}}],
        }
        (self.folder / "definitions.json").write_text(json.dumps(definitions))
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nload_definitions = {folder}/definitions.json\ndisk_free_limit.absolute = 1MB\n")
        # Its own script would put a shell in front of the server, unless systemd is said to have started it.
        environment = os.environ | {
            "HOME": folder, "RUNNING_UNDER_SYSTEMD": "true", "RABBITMQ_NODENAME": f"annals-{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(distribution), "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_MNESIA_BASE": f"{folder}/data", "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq", "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/none",
        }
        self.process = subprocess.Popen(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        # It listens once everything else is there.
        until_listening(self.port, self.process)

    @property
    def settings(self):
        return {"ANNALS_RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{self.port}", "ANNALS_RABBITMQ_WINDOW": str(WINDOW)}

    def own_rate(self, count, size):
        program = self.folder / "publish"
        subprocess.run(["cc", "-O2", "-o", program, HERE / "publish.c", "-lrabbitmq"], check=True)
        output = subprocess.run([program, str(self.port), str(count), str(size), str(WINDOW)], check=True, capture_output=True, text=True).stdout
        return float(output)

    def stop(self):
        end(self.process)
        end(self.mapper)


@contextlib.contextmanager
def broker(kind):
    """An empty one."""
    folder = tempfile.mkdtemp(prefix=f"annals-benchmark-{kind.sink}-")
    running = None
    try:
        running = kind(folder)
        yield running
    finally:
        if running:
            running.stop()
        shutil.rmtree(folder, ignore_errors=True)
