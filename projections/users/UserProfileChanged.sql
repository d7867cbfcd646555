UPDATE account
SET username = CASE WHEN :username_given THEN :username ELSE username END,
    display_name = CASE WHEN :displayName_given THEN :displayName ELSE display_name END,
    bio = CASE WHEN :bio_given THEN :bio ELSE bio END,
    updated_at = :recorded_at,
    version = :version
WHERE id = :stream_id
