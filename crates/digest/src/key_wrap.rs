//! Private keys, encrypted for a place that others read: AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::keys::KeyError;

/// Size of the key that others are wrapped with, bytes.
pub const WRAPPING_KEY_BYTES: usize = 32;

/// Encrypts a private key. It can be read only beside the same public key. Gives the nonce, then the text and its tag.
///
/// # Errors
/// [`KeyError::Make`].
pub fn wrap(wrapping: &[u8; WRAPPING_KEY_BYTES], private_key: &[u8], public_key: &[u8]) -> Result<Vec<u8>, KeyError> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, wrapping).map_err(|_| KeyError::Make)?;
    let mut text = private_key.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(public_key), &mut text).map_err(|_| KeyError::Make)?;
    let mut wrapped = nonce.as_ref().to_vec();
    wrapped.append(&mut text);
    Ok(wrapped)
}

/// Decrypts what [`wrap`] made.
///
/// # Errors
/// [`KeyError::Read`]: another wrapping key, another public key, or changed bytes.
pub fn unwrap(wrapping: &[u8; WRAPPING_KEY_BYTES], wrapped: &[u8], public_key: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (nonce, text) = wrapped.split_at_checked(NONCE_LEN).ok_or(KeyError::Read)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, wrapping).map_err(|_| KeyError::Read)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Read)?;
    let mut text = text.to_vec();
    Ok(key.open_in_place(nonce, Aad::from(public_key), &mut text).map_err(|_| KeyError::Read)?.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_what_was_wrapped_is_read(private in prop::collection::vec(any::<u8>(), 0..200), at: usize, bit in 0..8) {
            let (wrapping, public) = ([7; WRAPPING_KEY_BYTES], b"public");
            let wrapped = wrap(&wrapping, &private, public).unwrap();
            prop_assert_eq!(unwrap(&wrapping, &wrapped, public).unwrap(), private);
            prop_assert!(unwrap(&[8; WRAPPING_KEY_BYTES], &wrapped, public).is_err());
            prop_assert!(unwrap(&wrapping, &wrapped, b"another").is_err());
            let mut changed = wrapped.clone();
            changed[at % wrapped.len()] ^= 1_u8 << bit;
            prop_assert!(unwrap(&wrapping, &changed, public).is_err());
            prop_assert!(unwrap(&wrapping, &wrapped[..at % wrapped.len()], public).is_err());
        }
    }
}
