-- Deliveries to webhooks (docs/webhooks.md, docs/decisions/0038).
--
-- The webhooks themselves are events of the log. Here is only how far each has come, and what was and is to be delivered. Nothing personal: a
-- delivery names its event, and its text is read from the log when it is sent.
CREATE TABLE relay.webhooks (
    webhook   uuid   PRIMARY KEY,
    -- Every wanted event up to here has a delivery.
    enqueued  bigint NOT NULL,
    -- The last of the webhook's own events (tests, replays) that was carried out.
    commanded bigint NOT NULL
);

CREATE TABLE relay.webhook_deliveries (
    webhook         uuid     NOT NULL,
    position        bigint   NOT NULL,
    event           uuid     NOT NULL,
    type            text     NOT NULL,
    stream          text     NOT NULL,
    state           text     NOT NULL DEFAULT 'pending',
    attempts        int      NOT NULL DEFAULT 0,
    -- When it was due first, from which the 72 hours count, and when it is due next.
    first_due_at    timestamptz(3) NOT NULL,
    due_at          timestamptz(3) NOT NULL,
    last_attempt_at timestamptz(3),
    -- The status of the last answer, or why there was none, in words of our own.
    last_status     int,
    last_error      text,
    CONSTRAINT webhook_deliveries_place PRIMARY KEY (webhook, position),
    CONSTRAINT webhook_deliveries_state CHECK (state IN ('pending', 'delivered', 'parked'))
);
-- The first of each stream is the one to be sent.
CREATE INDEX webhook_deliveries_pending ON relay.webhook_deliveries (webhook, stream, position) WHERE state = 'pending';
-- For pruning.
CREATE INDEX webhook_deliveries_over ON relay.webhook_deliveries (last_attempt_at) WHERE state <> 'pending';
