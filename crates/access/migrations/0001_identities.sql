-- Who owns which key, as calls taught it. No secrets. Times are microseconds since 1970.

-- Users and roles of IAM.
CREATE TABLE principals (
    account TEXT NOT NULL,
    kind TEXT NOT NULL, -- user, role
    name TEXT NOT NULL,
    principal_id TEXT,
    arn TEXT,
    PRIMARY KEY (account, kind, name)
);

-- Long-term keys of users name the user; every other key has the identity of its session.
CREATE TABLE access_keys (
    access_key_id TEXT NOT NULL PRIMARY KEY,
    account TEXT,
    user_name TEXT,
    is_active BOOLEAN NOT NULL,
    identity TEXT NOT NULL, -- JSON, as records write it
    expires_micros BIGINT
);
