//! Keys in a database that others read too: private ones only encrypted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest::KeyError;
use digest::key_wrap::{WRAPPING_KEY_BYTES, unwrap, wrap};
use metadata::Metadata;
use model::{EventTime, Region};
use sqlx::{AnyPool, Row};

use super::{DigestKeysError, KeptKey};

/// First byte of PKCS#8; texts of encrypted keys begin with a letter.
const DER_SEQUENCE: u8 = 0x30;

/// The table.
pub(super) struct KeyTable {
    pool: AnyPool,
    wrapping_key: [u8; WRAPPING_KEY_BYTES],
}

impl std::fmt::Debug for KeyTable {
    /// Without the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyTable").finish_non_exhaustive()
    }
}

impl KeyTable {
    pub(super) async fn open(
        metadata: &Metadata,
        wrapping_key: [u8; WRAPPING_KEY_BYTES],
    ) -> Result<Self, DigestKeysError> {
        Ok(Self { pool: metadata.open("digest_keys", &sqlx::migrate!(), 1).await?, wrapping_key })
    }

    /// All keys, oldest first. One whose private half cannot be decrypted signs nothing more, but its digests are checked
    /// with it.
    pub(super) async fn read(&self) -> Result<Vec<KeptKey>, DigestKeysError> {
        let rows = sqlx::query(
            "SELECT region, start_micros, end_micros, public_key, wrapped_private_key FROM digest_keys \
             ORDER BY start_micros",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let key = |row: &sqlx::any::AnyRow| {
            let (region, public_key): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(3)?);
            let wrapped: Vec<u8> = row.try_get(4)?;
            let private_key = unwrap(&self.wrapping_key, &wrapped, &public_key);
            if private_key.is_err() {
                tracing::warn!(
                    region,
                    "a key of digests in the database cannot be decrypted; a new one is made when one is needed"
                );
            }
            Ok(KeptKey {
                region: Region::parse(&region).map_err(|_| KeyError::Read)?,
                public_key: STANDARD.encode(public_key),
                private_key: private_key.ok().map(|bytes| match bytes.first() {
                    Some(&DER_SEQUENCE) => STANDARD.encode(bytes),
                    _ => String::from_utf8_lossy(&bytes).into_owned(),
                }),
                start: EventTime::from_micros(row.try_get(1)?),
                end: EventTime::from_micros(row.try_get(2)?),
            })
        };
        rows.iter().map(key).collect()
    }

    pub(super) async fn insert(&self, kept: &KeptKey) -> Result<(), DigestKeysError> {
        let public_key = STANDARD.decode(&kept.public_key).map_err(|_| KeyError::Make)?;
        let text = kept.private_key.as_deref().unwrap_or_default();
        // In the clear it is kept as DER, without a detour over base 64.
        let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
        let wrapped = wrap(&self.wrapping_key, &bytes, &public_key)?;
        sqlx::query(
            "INSERT INTO digest_keys (region, start_micros, end_micros, public_key, wrapped_private_key) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(kept.region.as_str())
        .bind(kept.start.as_micros())
        .bind(kept.end.as_micros())
        .bind(public_key)
        .bind(wrapped)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
