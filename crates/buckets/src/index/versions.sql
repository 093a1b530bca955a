-- Layout 2: versions of objects.

-- The greater, the newer among the versions of a key.
ALTER TABLE object ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE object ADD COLUMN version_id TEXT NOT NULL DEFAULT 'null';

-- What is not the current object of its key: versions that were overwritten or deleted, and delete markers, which have
-- no content. A key whose newest version is a delete marker has no row in `object`.
CREATE TABLE past_version (
    bucket_id INTEGER NOT NULL REFERENCES bucket (id),
    key BLOB NOT NULL,
    ordinal INTEGER NOT NULL,
    version_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    content_id INTEGER REFERENCES content (id),
    attributes TEXT NOT NULL,
    PRIMARY KEY (bucket_id, key, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX past_version_by_content ON past_version (content_id);

CREATE VIEW version AS
    SELECT bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes, 1 AS is_current
    FROM object
    UNION ALL
    SELECT bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes, 0 AS is_current
    FROM past_version;

PRAGMA user_version = 2;
