WITH before AS (
    SELECT status FROM account WHERE id = :stream_id
), changed AS (
    UPDATE account
    SET status = 'deactivated', updated_at = :recorded_at, version = :version
    WHERE id = :stream_id
)
INSERT INTO account_count (status, count)
SELECT status, -1 FROM before
UNION ALL
SELECT 'deactivated', 1 FROM before
ON CONFLICT (status) DO UPDATE SET count = account_count.count + excluded.count
