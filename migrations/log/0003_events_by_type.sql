-- Finds the events of one type in the log's order, however few they are among the others. It serves a category, too: a category's types are known.
-- The one index beside the two keys: each costs every append. Making it holds up appends for as long as it takes to read the table.

CREATE INDEX events_by_type ON log.events (type, position);
