WITH registered AS (
    INSERT INTO account (id, username, email, role, status, created_at, updated_at, version)
    SELECT stream_id, username, email, role, 'active', recorded_at, recorded_at, version FROM :events AS event
)
INSERT INTO account_count (status, count)
SELECT 'active', count(*) FROM :events AS event
ON CONFLICT (status) DO UPDATE SET count = account_count.count + excluded.count
