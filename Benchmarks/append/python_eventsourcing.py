"""The PyPI library `eventsourcing`: its PostgreSQL application recorder, one thread a client, one event an append, a new originator each time."""

import argparse
import json
import multiprocessing
import threading
import time
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore


def work(arguments, clients, seconds, ready, go, results):
    datastore = PostgresDatastore(
        arguments.database, arguments.host, 5432, "postgres", "", pool_size=clients, max_overflow=0, max_waiting=clients,
        enable_db_functions=arguments.functions,
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    state = b"x" * arguments.bytes
    times = [[] for _ in range(clients)]

    def append(mine, until):
        while time.perf_counter() < until:
            start = time.perf_counter()
            recorder.insert_events([StoredEvent(uuid4(), 1, "publishing:Post.Drafted", state)])
            mine.append(time.perf_counter() - start)

    def all_clients(seconds):
        until = time.perf_counter() + seconds
        threads = [threading.Thread(target=append, args=(mine, until)) for mine in times]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

    all_clients(0.5)
    [mine.clear() for mine in times]
    ready.wait()
    go.wait()
    all_clients(seconds)
    results.put([latency for mine in times for latency in mine])
    datastore.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--functions", action="store_true")
    arguments = parser.parse_args()
    setup = PostgresDatastore(arguments.database, arguments.host, 5432, "postgres", "", enable_db_functions=arguments.functions)
    PostgresApplicationRecorder(setup, events_table_name="stored_events").create_table()
    setup.close()
    # One interpreter runs one thread at a time: a process for each core shows what the library can do.
    processes = min(2, arguments.clients)
    shares = [arguments.clients // processes + (number < arguments.clients % processes) for number in range(processes)]
    ready, go, results = multiprocessing.Barrier(processes + 1), multiprocessing.Event(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(arguments, share, arguments.seconds, ready, go, results)) for share in shares]
    [worker.start() for worker in workers]
    ready.wait()
    go.set()
    latencies = sorted(latency for _ in workers for latency in results.get())
    [worker.join() for worker in workers]
    at = lambda share: latencies[int((len(latencies) - 1) * share)] * 1000
    print(json.dumps({"rate": len(latencies) / arguments.seconds, "p50": at(0.5), "p99": at(0.99)}))


main()
