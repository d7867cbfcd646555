-- A cleared field is empty text in the event, and nothing here.
UPDATE account
SET username = CASE WHEN :username_given THEN :username ELSE username END,
    display_name = CASE WHEN :displayName_given THEN NULLIF(:displayName, '') ELSE display_name END,
    bio = CASE WHEN :bio_given THEN NULLIF(:bio, '') ELSE bio END,
    updated_at = :recorded_at,
    version = :version
WHERE id = :stream_id
