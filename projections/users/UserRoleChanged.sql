UPDATE account
SET role = :role, updated_at = :recorded_at, version = :version
WHERE id = :stream_id
