UPDATE account
SET email = :email, updated_at = :recorded_at, version = :version
WHERE id = :stream_id
