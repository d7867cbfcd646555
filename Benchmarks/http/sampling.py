"""Where the time of Annals goes under one work, as `perf` samples it."""

import pathlib
import subprocess

from load import closed_loop

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / ".build/annals.perf"


def sample(annals, work, folder, connections, seconds):
    """The shares by library and by function. The samples stay there for `perf report`."""
    SAMPLES.parent.mkdir(exist_ok=True)
    record = ["perf", "record", "-q", "-F", "499", "-g", "-p", str(annals.process.pid), "-o", str(SAMPLES), "--", "sleep", str(seconds)]
    recording = subprocess.Popen(record, stderr=subprocess.PIPE, text=True)
    result = closed_loop(annals.url, work, folder, connections, seconds + 1)
    error = recording.communicate()[1]
    if recording.returncode:
        return f"perf can't sample here: {error.strip()}"
    head = f"- {work}, {connections} connections: {result['rate']:,.0f} requests/s while sampled; `perf report -i {SAMPLES}` shows callers"
    return "\n\n".join([head] + [f"```\n{shares(key)}\n```" for key in ("dso", "dso,symbol")])


def shares(key):
    command = ["perf", "report", "-i", str(SAMPLES), "--stdio", "--no-children", "-g", "none", "--sort", key, "--percent-limit", "0.5"]
    report = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    names = subprocess.run(["swift", "demangle", "--simplified"], input=report, stdout=subprocess.PIPE, text=True).stdout
    lines = [line[:150].rstrip() for line in names.splitlines() if line.strip() and not line.startswith("#")]
    return "\n".join(lines[:60])
