-- Segments that are in a bucket and no longer in the data folder: the bucket, such as s3://bucket/prefix, and the
-- CRC-32C of each 64 KiB of the segment, 4 bytes each, low byte first.
CREATE TABLE segments_in_buckets (
    file_name TEXT NOT NULL PRIMARY KEY,
    bucket_url TEXT NOT NULL,
    page_checksums BLOB NOT NULL
);

-- Objects of segments that are no more, or came back into the folder. A row goes when its object is gone.
CREATE TABLE objects_to_delete (
    bucket_url TEXT NOT NULL,
    file_name TEXT NOT NULL,
    PRIMARY KEY (bucket_url, file_name)
);
