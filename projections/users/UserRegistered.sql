WITH registered AS (
    INSERT INTO account (id, username, email, role, status, created_at, updated_at, version)
    VALUES (:stream_id, :username, :email, :role, 'active', :recorded_at, :recorded_at, :version)
)
INSERT INTO account_count (status, count)
VALUES ('active', 1)
ON CONFLICT (status) DO UPDATE SET count = account_count.count + 1
