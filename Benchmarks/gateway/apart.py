"""Annals with every service a process of its own, as `annals up --apart` runs it."""

import pathlib

from annals import Annals
from ports import free_port
from processes import cpu_seconds, tree

SERVICES = ["auth", "commands", "queries", "projector"]


class Apart(Annals):
    """The services listen on free ports, so that it runs beside others."""

    arguments = ["--apart"]

    def __init__(self, binary, folder, settings=None):
        self.ports = {service: free_port() for service in SERVICES}
        own = {f"ANNALS_{service.upper()}_PORT": str(port) for service, port in self.ports.items()}
        own["ANNALS_METRICS_PORT"] = str(free_port())
        super().__init__(binary, folder, own | (settings or {}))

    def service(self, name):
        """The URL of a service, past the gateway."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def gateway_seconds(self):
        """The processor time of the gateway's process."""
        for pid in tree(self.process.pid):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"serve" in words and b"gateway" in words:
                return cpu_seconds(pid)
        raise RuntimeError("no gateway runs")
