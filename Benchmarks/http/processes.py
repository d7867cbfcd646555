"""What processes have used, as the kernel counts it."""

import os
import pathlib

TICK = os.sysconf("SC_CLK_TCK")


def tree(root, without=None):
    """A process and its descendants; `without` is one that is left out with its own."""
    children = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := stat(folder.name)):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop()
        if pid != without:
            found.append(pid)
            open_ends += children.get(pid, [])
    return found


def stat(pid):
    """The fields after the name, the state first; nothing for a process that has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_seconds(root, without=None):
    """The time of a process and its descendants. Those that have ended count where the root has waited for them, as a postmaster does."""
    ticks = sum(int(fields[11]) + int(fields[12]) for pid in tree(root, without) if (fields := stat(pid)))
    if without is None and (fields := stat(root)):
        ticks += int(fields[13]) + int(fields[14])
    return ticks / TICK


def resident_megabytes(root, without=None):
    """The memory of a process and its descendants; pages that they share count once."""
    total = 0
    for pid in tree(root, without):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
