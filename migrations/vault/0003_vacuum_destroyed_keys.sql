-- A destroyed key's old row version stays in the table's file until VACUUM comes, and by PostgreSQL's own measure it comes after 50 of them and a fifth of the table. With these
-- it comes within a minute or so (autovacuum_naptime) of the first, and the row can't be had from there by SQL. What it does with the bytes of the page: see
-- docs/operations.md, "Erased users".
ALTER TABLE vault.data_keys SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
