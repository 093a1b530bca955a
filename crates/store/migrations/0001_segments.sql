-- Which segment files exist, and what is in them. Times are microseconds since 1970.
CREATE TABLE segments (
    file_name TEXT NOT NULL PRIMARY KEY,
    event_count BIGINT NOT NULL,
    min_time_micros BIGINT NOT NULL,
    max_time_micros BIGINT NOT NULL,
    min_sequence BIGINT NOT NULL,
    max_sequence BIGINT NOT NULL,
    file_bytes BIGINT NOT NULL,
    format_version BIGINT NOT NULL
);

-- Single numbers of the store, by name.
CREATE TABLE store_state (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
