-- Counters of the whole store: `run`, and `swept_through`, the last run whose left-over files are gone.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE bucket (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- One document a bucket and kind: its policy, its tags.
CREATE TABLE bucket_setting (
    bucket_id INTEGER NOT NULL REFERENCES bucket (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (bucket_id, kind)
) STRICT, WITHOUT ROWID;

-- Bytes of one or more objects (a copy shares them): either in the row, or in files, as `[[file id, size], ...]`.
CREATE TABLE content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reference_count INTEGER NOT NULL,
    inline_data BLOB,
    extents TEXT
) STRICT;

-- The newest version of each key that is no delete marker. In key order, byte by byte, as lists go.
CREATE TABLE object (
    bucket_id INTEGER NOT NULL REFERENCES bucket (id),
    key BLOB NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    content_id INTEGER NOT NULL REFERENCES content (id),
    attributes TEXT NOT NULL,
    PRIMARY KEY (bucket_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_by_content ON object (content_id);

CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    bucket_id INTEGER NOT NULL REFERENCES bucket (id),
    key BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_key ON upload (bucket_id, key, id);

CREATE TABLE part (
    upload_id TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES file (id),
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    checksums TEXT NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

-- Every file that content or a part needs; `doomed` ones are needed no more and wait to be removed.
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    doomed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX file_doomed ON file (id) WHERE doomed = 1;
CREATE INDEX part_by_file ON part (file_id);

INSERT INTO meta (name, value) VALUES ('run', 0), ('swept_through', 0);

PRAGMA user_version = 1;
