"""The PyPI library `eventsourcing`: its projection runner, folding the same events into the same tables, one event and its tracking record a transaction."""

import argparse
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic


@dataclass(frozen=True)
class Told:
    """An event of a post or its views, as the benchmark's plain table has it."""

    originator_id: UUID
    originator_version: int
    timestamp: str
    data: dict


class PostDrafted(Told):
    pass


class PostEdited(Told):
    pass


class PostPublished(Told):
    pass


class PostViewed(Told):
    pass


TYPES = {cls.__name__: cls for cls in (PostDrafted, PostEdited, PostPublished, PostViewed)}

DRAFTED = """
WITH drafted AS (
    INSERT INTO post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    VALUES (%(id)s, %(author)s, %(title)s, %(slug)s, %(content)s, left(%(content)s, 200), false, %(at)s, %(at)s, %(version)s)
), counted AS (
    INSERT INTO total (post, count, published) VALUES (%(id)s, 0, false) ON CONFLICT DO NOTHING
)
INSERT INTO author_count (author, total, published) VALUES (%(author)s, 1, 0) ON CONFLICT (author) DO UPDATE SET total = author_count.total + 1
"""
EDITED = """
UPDATE post SET title = %(title)s, content = %(content)s, excerpt = left(%(content)s, 200), updated_at = %(at)s, version = %(version)s WHERE id = %(id)s
"""
PUBLISHED = """
WITH changed AS (
    UPDATE post SET published = true, published_at = %(at)s, updated_at = %(at)s, version = %(version)s WHERE id = %(id)s RETURNING author
), shown AS (
    UPDATE total SET published = true WHERE post = %(id)s
), counted AS (
    INSERT INTO author_count (author, total, published) SELECT author, 0, 1 FROM changed
    ON CONFLICT (author) DO UPDATE SET published = author_count.published + 1
)
INSERT INTO published_count (single, count) SELECT true, 1 FROM changed ON CONFLICT (single) DO UPDATE SET count = published_count.count + 1
"""
VIEWED = """
WITH counted AS (
    INSERT INTO total (post, count, published) VALUES (%(post)s, %(count)s, false)
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count
)
INSERT INTO hourly (post, hour, count) VALUES (%(post)s, date_trunc('hour', %(at)s, 'UTC'), %(count)s)
ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count
"""


class View(PostgresTrackingRecorder):
    def apply(self, statement, values, tracking):
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement, values, prepare=True)


class Posts(Projection[View]):
    STATEMENTS = {PostDrafted: DRAFTED, PostEdited: EDITED, PostPublished: PUBLISHED, PostViewed: VIEWED}

    def process_event(self, domain_event, tracking: Tracking) -> None:
        values = {
            **domain_event.data, "id": domain_event.originator_id, "version": domain_event.originator_version,
            "at": datetime.fromisoformat(domain_event.timestamp),
        }
        self.view.apply(self.STATEMENTS[type(domain_event)], values, tracking)


class Blog(Application):
    pass


def fill(app, plain, count):
    """The first events of the plain table. A post's views are a stream of their own, named by the post's id with its last digit turned."""
    with psycopg.connect(plain) as connection:
        rows = connection.execute("SELECT stream, version, type, data, recorded_at FROM events ORDER BY position LIMIT %s", [count])
        batch = []
        for stream, version, type_name, data, recorded_at in rows:
            category, name = stream.split("-", 1)
            originator = UUID(name)
            if category == "views":
                data["post"] = name
                originator = UUID(int=originator.int ^ 1)
            state = {"timestamp": recorded_at.astimezone(timezone.utc).isoformat(), "data": data}
            batch.append(StoredEvent(originator, version, get_topic(TYPES[type_name]), app.mapper.transcoder.encode(state)))
            if len(batch) == 1_000:
                app.recorder.insert_events(batch)
                batch = []
        if batch:
            app.recorder.insert_events(batch)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--plain", required=True)
    parser.add_argument("--count", type=int, required=True)
    arguments = parser.parse_args()
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": arguments.database, "POSTGRES_HOST": arguments.host, "POSTGRES_PORT": "5432",
        "POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "",
    }
    app = Blog(env)
    fill(app, f"host={arguments.host} user=postgres dbname={arguments.plain}", arguments.count)
    app.close()
    start = time.perf_counter()
    with ProjectionRunner(application_class=Blog, projection_class=Posts, view_class=View, env=env) as runner:
        runner.wait(arguments.count, timeout=3_600)
        elapsed = time.perf_counter() - start
    print(json.dumps({"rate": arguments.count / elapsed, "seconds": elapsed}))


if __name__ == "__main__":
    main()
