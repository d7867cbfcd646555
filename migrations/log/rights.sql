-- Each service's rights to the log. This runs after the migrations, at every start: a dump that was restored without its roles has lost them.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_commands, annals_projector, annals_auth, annals_relay', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO annals_commands, annals_projector, annals_auth, annals_relay;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;

GRANT SELECT ON log.events TO annals_commands, annals_projector, annals_auth, annals_relay;
GRANT SELECT ON log.claims TO annals_commands, annals_auth;
GRANT SELECT ON log.commands TO annals_commands;
GRANT EXECUTE ON FUNCTION log.append, log.confirm, log.prune_receipts TO annals_commands;

-- The Merkle tree is the projector's; the command service answers from it.
GRANT SELECT, INSERT, UPDATE ON log.merkle_tiles TO annals_projector;
GRANT SELECT, INSERT ON log.merkle_checkpoints TO annals_projector;
GRANT SELECT, UPDATE ON log.merkle_head TO annals_projector;
GRANT SELECT ON log.merkle_tiles, log.merkle_checkpoints, log.merkle_head TO annals_commands;

-- What the relay keeps about the log is its own, and no other service reads it.
GRANT USAGE ON SCHEMA relay TO annals_relay;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA relay FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA relay TO annals_relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA relay TO annals_relay;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA relay TO annals_relay;
