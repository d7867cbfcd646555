-- Views by post. Views come in streams of their own: whichever comes first, the post or a view, makes the row.
CREATE TABLE total (
    post uuid PRIMARY KEY,
    count bigint NOT NULL,
    published boolean NOT NULL
);

CREATE TABLE hourly (
    post uuid NOT NULL,
    hour timestamptz NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (post, hour)
);
