-- The query service tells the closure of an account whether tables are scrubbed, the kept ones too.
GRANT SELECT ON annals.builds TO annals_queries;
