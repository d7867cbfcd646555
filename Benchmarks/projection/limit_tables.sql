-- The events as they would lie in a plain log, and what one writes by hand to fold them: whole stretches at a time, no checkpoint, no seal, one database.
CREATE TABLE events (
    position       bigint           NOT NULL PRIMARY KEY,
    stream         text COLLATE "C" NOT NULL,
    version        integer          NOT NULL,
    id             uuid             NOT NULL,
    type           text COLLATE "C" NOT NULL,
    schema_version smallint         NOT NULL,
    data           jsonb            NOT NULL,
    metadata       jsonb            NOT NULL,
    recorded_at    timestamptz(3)   NOT NULL,
    UNIQUE (stream, version)
);

-- Events first + 1 to last. Of several edits of a post the last one counts, which is right because each of these has the same fields.
-- The tables are made anew for each round.
SET check_function_bodies = off;
CREATE PROCEDURE fold_stretch(first bigint, last bigint) LANGUAGE sql AS $$
    INSERT INTO post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    SELECT
        substr(stream, 6)::uuid, (data ->> 'author')::uuid, data ->> 'title', data ->> 'slug', data ->> 'content', left(data ->> 'content', 200), false,
        recorded_at, recorded_at, version
    FROM events WHERE position > first AND position <= last AND type = 'PostDrafted';

    INSERT INTO author_count (author, total, published)
    SELECT (data ->> 'author')::uuid, count(*), 0
    FROM events WHERE position > first AND position <= last AND type = 'PostDrafted' GROUP BY 1
    ON CONFLICT (author) DO UPDATE SET total = author_count.total + excluded.total;

    UPDATE post
    SET title = data ->> 'title', content = data ->> 'content', excerpt = left(data ->> 'content', 200), updated_at = recorded_at,
        version = event.version
    FROM (
        SELECT DISTINCT ON (stream) substr(stream, 6)::uuid AS id, data, recorded_at, version
        FROM events WHERE position > first AND position <= last AND type = 'PostEdited' ORDER BY stream, version DESC
    ) AS event
    WHERE post.id = event.id;

    WITH changed AS (
        UPDATE post
        SET published = true, published_at = recorded_at, updated_at = greatest(updated_at, recorded_at), version = greatest(post.version, event.version)
        FROM (
            SELECT substr(stream, 6)::uuid AS id, recorded_at, version
            FROM events WHERE position > first AND position <= last AND type = 'PostPublished'
        ) AS event
        WHERE post.id = event.id
        RETURNING author
    ), counted AS (
        INSERT INTO author_count (author, total, published)
        SELECT author, 0, count(*) FROM changed GROUP BY author
        ON CONFLICT (author) DO UPDATE SET published = author_count.published + excluded.published
    )
    INSERT INTO published_count (single, count)
    SELECT true, count(*) FROM changed HAVING count(*) > 0
    ON CONFLICT (single) DO UPDATE SET count = published_count.count + excluded.count;

    INSERT INTO total (post, count, published)
    SELECT substr(stream, strpos(stream, '-') + 1)::uuid, coalesce(sum((data ->> 'count')::bigint), 0), bool_or(type = 'PostPublished')
    FROM events WHERE position > first AND position <= last AND type IN ('PostDrafted', 'PostPublished', 'PostViewed') GROUP BY 1
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count, published = total.published OR excluded.published;

    INSERT INTO hourly (post, hour, count)
    SELECT substr(stream, 7)::uuid, date_trunc('hour', recorded_at, 'UTC'), sum((data ->> 'count')::bigint)
    FROM events WHERE position > first AND position <= last AND type = 'PostViewed' GROUP BY 1, 2
    ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count;
$$;

CREATE PROCEDURE fold_all(stretch bigint) LANGUAGE plpgsql AS $$
DECLARE
    head bigint := (SELECT max(position) FROM events);
    reached bigint := (SELECT min(position) - 1 FROM events);
BEGIN
    WHILE reached < head LOOP
        CALL fold_stretch(reached, reached + stretch);
        reached := reached + stretch;
        COMMIT;
    END LOOP;
END
$$;
