"""The PyPI library `eventsourcing`: its PostgreSQL application recorder, one thread a client, one event an append, a new originator each time."""

import argparse
from uuid import uuid4

from clients import measure
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--functions", action="store_true")
    arguments = parser.parse_args()

    def open_store(**limits):
        return PostgresDatastore(
            arguments.database, arguments.host, 5432, "postgres", "", enable_db_functions=arguments.functions, **limits
        )

    def connect(clients):
        datastore = open_store(pool_size=clients, max_overflow=0, max_waiting=clients)
        recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
        state = b"x" * arguments.bytes
        return lambda: recorder.insert_events([StoredEvent(uuid4(), 1, "publishing:Post.Drafted", state)])

    setup = open_store()
    PostgresApplicationRecorder(setup, events_table_name="stored_events").create_table()
    setup.close()
    measure(arguments.clients, arguments.seconds, connect)


main()
