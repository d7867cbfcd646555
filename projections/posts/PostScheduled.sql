UPDATE post SET scheduled_at = :at, updated_at = :recorded_at, version = :version WHERE id = :stream_id
