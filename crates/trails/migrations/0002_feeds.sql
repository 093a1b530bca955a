-- How far each feed is: what is sent while it is recorded, as to log groups and event buses.
CREATE TABLE feeds (
    name TEXT PRIMARY KEY,
    progress TEXT NOT NULL
);
