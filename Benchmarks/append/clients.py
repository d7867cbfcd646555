"""Clients of a library in Python that each append one event at a time, and what they take."""

import json
import multiprocessing
import threading
import time

# One interpreter runs one thread at a time: a process for each core shows what a library can do.
PROCESSES = 2


def measure(clients, seconds, connect):
    """Prints the rate and the latencies. `connect(clients)` is called in each process, and returns what one client does again and again."""
    processes = min(PROCESSES, clients)
    shares = [clients // processes + (number < clients % processes) for number in range(processes)]
    ready, go, results = multiprocessing.Barrier(processes + 1), multiprocessing.Event(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=_work, args=(connect, share, seconds, ready, go, results)) for share in shares]
    [worker.start() for worker in workers]
    ready.wait()
    go.set()
    latencies = sorted(latency for _ in workers for latency in results.get())
    [worker.join() for worker in workers]
    at = lambda share: latencies[int((len(latencies) - 1) * share)] * 1000
    print(json.dumps({"rate": len(latencies) / seconds, "p50": at(0.5), "p99": at(0.99)}))


def _work(connect, clients, seconds, ready, go, results):
    append = connect(clients)
    times = [[] for _ in range(clients)]

    def append_until(mine, until):
        while time.perf_counter() < until:
            start = time.perf_counter()
            append()
            mine.append(time.perf_counter() - start)

    def all_clients(seconds):
        until = time.perf_counter() + seconds
        threads = [threading.Thread(target=append_until, args=(mine, until)) for mine in times]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

    all_clients(0.5)
    [mine.clear() for mine in times]
    ready.wait()
    go.wait()
    all_clients(seconds)
    results.put([latency for mine in times for latency in mine])
