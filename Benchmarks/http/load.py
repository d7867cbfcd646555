"""Load from other processes: wrk as fast as answers come, h2load at a given rate."""

import json
import pathlib
import random
import statistics
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).with_name("load.lua")
H2LOADS = 4


def closed_loop(url, work, folder, connections, seconds):
    """Each connection waits for its answer before it asks again. Every answer must be a success."""
    command = ["wrk", "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s", "-s", str(SCRIPT), url, "--"]
    command += [work, str(folder), f"{random.getrandbits(32):08x}"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    if not result["requests"] and seconds < 60:
        # A machine that is busy with other things may take longer for the first answer.
        return closed_loop(url, work, folder, connections, seconds * 5)
    if result["refused"] or result["lost"] or not result["requests"]:
        sys.exit(f"{url}, {work}, {connections} connections: {result['refused']} refused and {result['lost']} lost of {result['requests']}")
    return result


def offered(url, paths, headers, rate, connections, seconds, folder):
    """So many requests a second, whether or not the answers keep up.

    h2load gives all connections the same paths in the same order, so four of them run side by side, each with an order of its own.
    """
    processes = []
    for number in range(H2LOADS):
        uris, log = folder / f"uris-{number}", folder / f"h2load-{number}.log"
        log.unlink(missing_ok=True)
        uris.write_text("".join(f"{url}{path}\n" for path in random.sample(paths, len(paths))))
        command = ["h2load", "--h1", "-t", "1", "-c", str(connections // H2LOADS), "-D", str(seconds), "--rps", f"{rate / connections:.3f}"]
        command += ["-i", str(uris), "--log-file", str(log)] + [part for header in headers for part in ("-H", header)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    for process in processes:
        output = process.communicate()[0]
        if process.returncode or " 0 failed, 0 errored, 0 timeout" not in output or " 0 3xx, 0 4xx, 0 5xx" not in output:
            sys.exit(f"h2load at {url}: {output}")
    times = []
    for number in range(H2LOADS):
        times += [int(line.split("\t")[2]) / 1000 for line in (folder / f"h2load-{number}.log").read_text().splitlines()]
    cuts = statistics.quantiles(times, n=100)
    return {"rate": len(times) / seconds, "p50": cuts[49], "p99": cuts[98]}
