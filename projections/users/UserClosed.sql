WITH before AS (
    SELECT status FROM account WHERE id = :stream_id
), scrubbed AS (
    UPDATE account
    SET username = NULL, email = NULL, display_name = NULL, bio = NULL, status = 'closed', updated_at = :recorded_at, version = :version
    WHERE id = :stream_id
)
INSERT INTO account_count (status, count)
SELECT status, -1 FROM before
UNION ALL
SELECT 'closed', 1 FROM before
ON CONFLICT (status) DO UPDATE SET count = account_count.count + excluded.count
