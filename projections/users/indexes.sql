CREATE INDEX account_username ON account (username);
CREATE INDEX account_created ON account (created_at, id);
