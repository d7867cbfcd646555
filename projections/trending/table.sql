-- Views by hour, and within an hour by post: a day's hours lie side by side, so that their sum reads nothing else.
CREATE TABLE bucket (
    hour timestamptz NOT NULL,
    post uuid NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, post)
);
