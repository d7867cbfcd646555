"""What a measurement ran on, in the lines that go above its table."""

import os
import platform
import subprocess
import time

from cluster import SETTINGS


def machine(server, settings=SETTINGS):
    processor = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    settings = ", ".join(f"{name} = {value}" for name, value in settings.items() if name != "listen_addresses")
    return "\n".join([
        f"- machine: {os.cpu_count()} cores ({processor}), {memory:.0f} GiB; load average before: {os.getloadavg()[0]:.1f}",
        f"- {platform.system()} {platform.release()}; {server.value('postgres', 'SELECT version()').split(' on ')[0]}; {swift}; Python {platform.python_version()}",
        f"- PostgreSQL: {settings}; {time.strftime('%Y-%m-%d')}",
    ])
