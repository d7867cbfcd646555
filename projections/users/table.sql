-- Accounts. Personal columns are NULL once the account is closed.
CREATE TABLE account (
    id uuid PRIMARY KEY,
    username text,
    email text,
    display_name text,
    bio text,
    role text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'deactivated', 'closed')),
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL,
    version int NOT NULL
);

-- Accounts by status.
CREATE TABLE account_count (
    status text PRIMARY KEY,
    count bigint NOT NULL
);
