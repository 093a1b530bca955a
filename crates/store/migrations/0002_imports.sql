-- Files whose records were taken in, by a name that is theirs for ever. The bytes of a name need not be text.
CREATE TABLE imported_files (
    file_key BLOB NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    tag TEXT NOT NULL,
    records BIGINT NOT NULL,
    rejected BIGINT NOT NULL
);
