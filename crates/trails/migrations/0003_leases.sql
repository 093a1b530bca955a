-- Who delivers for a trail, and how long nobody else does (microseconds since 1970).
ALTER TABLE trails ADD COLUMN lease_holder TEXT;
ALTER TABLE trails ADD COLUMN lease_until_micros BIGINT NOT NULL DEFAULT 0;
