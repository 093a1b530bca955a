-- One row for each trail. What is only read as a whole is JSON.
CREATE TABLE trails (
    arn TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    progress TEXT NOT NULL
);
