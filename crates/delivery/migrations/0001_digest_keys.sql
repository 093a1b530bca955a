-- What digests are signed with. Old keys stay for ever. Times are microseconds since 1970.
CREATE TABLE digest_keys (
    region TEXT NOT NULL,
    start_micros BIGINT NOT NULL,
    end_micros BIGINT NOT NULL,
    public_key BLOB NOT NULL, -- DER of the RSAPublicKey
    wrapped_private_key BLOB NOT NULL -- PKCS#8 under AES-256-GCM, with the public key as associated data
);
