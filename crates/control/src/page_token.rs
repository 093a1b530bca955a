//! Page tokens: opaque to callers, made by us, good for one query only.
//!
//! A token is base64url without padding of the fixed layout below, so that any change of it is seen by the MAC:
//!
//! ```text
//! | version 1 | query digest 16 | end 8 | position time 8 | position tie break 8 | HMAC-SHA256 of all before 32 |
//! ```
//!
//! It holds everything that the next page needs, so it survives a restart and does not expire; the key is kept with the
//! installation. The digest binds it to the query of the first page, account and region included. The end is the one
//! that was used for the first page: where the caller gave none, it was the time of that call, and pages do not shift
//! when new events arrive.

use api::lookup_events::{Category, LookupEventsRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use model::{AccountId, EventTime, Region};
use sha2::{Digest, Sha256};

use crate::history::Position;

/// Version of the layout; a token of another version is refused.
const VERSION: u8 = 1;
const DIGEST_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
const SIGNED_BYTES: usize = 1 + DIGEST_BYTES + 3 * 8;
const TOKEN_BYTES: usize = SIGNED_BYTES + MAC_BYTES;
/// Length of every token in characters.
pub const TOKEN_LENGTH: usize = (TOKEN_BYTES * 8).div_ceil(6);

/// The key of the installation that tokens are authenticated with. It prints nothing.
#[derive(Clone)]
pub struct PageTokenKey([u8; 32]);

impl PageTokenKey {
    /// A key from 32 secret random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for PageTokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokenKey(secret)")
    }
}

/// What a query is, as far as a token binds to it: everything but the page size and the token itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryDigest([u8; DIGEST_BYTES]);

impl QueryDigest {
    /// The digest of a request by an account to a region.
    pub fn new(request: &LookupEventsRequest, account: AccountId, region: &Region) -> Self {
        let mut hash = Sha256::new();
        // Each field with its length before it, so that two queries never make the same stream of bytes.
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        field(account.as_str().as_bytes());
        field(region.as_str().as_bytes());
        field(match request.category {
            Category::Management => b"management",
            Category::Insight => b"insight",
        });
        for time in [request.start_time, request.end_time] {
            field(&time.map(|time| time.as_micros().to_be_bytes()).map_or_else(Vec::new, Vec::from));
        }
        if let Some(attribute) = &request.attribute {
            field(attribute.key.as_str().as_bytes());
            field(attribute.value.as_bytes());
        }
        let full = hash.finalize();
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&full[..DIGEST_BYTES]);
        Self(digest)
    }
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken {
    /// The query it belongs to.
    pub query: QueryDigest,
    /// Latest event time of all its pages, inclusive.
    pub end: EventTime,
    /// Where the next page starts.
    pub after: Position,
}

/// The text is not a token of ours: damaged, cut, foreign, or of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page token of this installation")]
pub struct PageTokenError;

impl PageToken {
    /// The text for the caller: [`TOKEN_LENGTH`] characters of the base64url alphabet.
    pub fn encode(&self, key: &PageTokenKey) -> String {
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.query.0);
        bytes.extend_from_slice(&self.end.as_micros().to_be_bytes());
        bytes.extend_from_slice(&self.after.event_time.as_micros().to_be_bytes());
        bytes.extend_from_slice(&self.after.tie_break.to_be_bytes());
        let mac = mac(key, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that [`PageToken::encode`] made with the same key.
    ///
    /// # Errors
    /// Any other text.
    pub fn decode(text: &str, key: &PageTokenKey) -> Result<Self, PageTokenError> {
        if text.len() != TOKEN_LENGTH {
            return Err(PageTokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PageTokenError)?;
        let (signed, claimed) = bytes.split_at_checked(SIGNED_BYTES).ok_or(PageTokenError)?;
        // Compares in constant time, and refuses a MAC of another length.
        mac(key, signed).verify_slice(claimed).map_err(|_| PageTokenError)?;
        let (version, rest) = signed.split_first().ok_or(PageTokenError)?;
        if *version != VERSION {
            return Err(PageTokenError);
        }
        let (digest, rest) = rest.split_first_chunk::<DIGEST_BYTES>().ok_or(PageTokenError)?;
        let (end, rest) = rest.split_first_chunk::<8>().ok_or(PageTokenError)?;
        let (time, rest) = rest.split_first_chunk::<8>().ok_or(PageTokenError)?;
        let tie_break = <[u8; 8]>::try_from(rest).map_err(|_| PageTokenError)?;
        Ok(Self {
            query: QueryDigest(*digest),
            end: EventTime::from_micros(i64::from_be_bytes(*end)),
            after: Position {
                event_time: EventTime::from_micros(i64::from_be_bytes(*time)),
                tie_break: u64::from_be_bytes(tie_break),
            },
        })
    }
}

fn mac(key: &PageTokenKey, message: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length; the constructor's error is for other MACs")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("a key of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: PageTokenKey = PageTokenKey::new([7; 32]);

    fn token() -> PageToken {
        PageToken {
            query: QueryDigest([1; DIGEST_BYTES]),
            end: EventTime::from_seconds(1_740_830_405),
            after: Position { event_time: EventTime::from_seconds(-5), tie_break: u64::MAX },
        }
    }

    #[test]
    fn a_token_comes_back() {
        let text = token().encode(&KEY);
        assert_eq!(text.len(), TOKEN_LENGTH);
        assert_eq!(PageToken::decode(&text, &KEY), Ok(token()));
    }

    #[test]
    fn every_changed_character_is_seen() {
        let text = token().encode(&KEY);
        for index in 0..text.len() {
            let other = if text.as_bytes()[index] == b'A' { "B" } else { "A" };
            let mut damaged = text.clone();
            damaged.replace_range(index..=index, other);
            assert_eq!(PageToken::decode(&damaged, &KEY), Err(PageTokenError), "at {index}");
        }
    }

    #[test]
    fn tokens_of_another_installation_and_other_texts_are_refused() {
        let text = token().encode(&KEY);
        assert_eq!(PageToken::decode(&text, &PageTokenKey::new([8; 32])), Err(PageTokenError));
        for other in ["", "x", &text[1..], &format!("{text}A"), &format!("{text}="), &" ".repeat(TOKEN_LENGTH)] {
            assert_eq!(PageToken::decode(other, &KEY), Err(PageTokenError), "{other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
            prop_assert_eq!(PageToken::decode(&text, &KEY), Err(PageTokenError));
        }

        #[test]
        fn any_bytes_of_the_right_length_are_refused(bytes in prop::collection::vec(any::<u8>(), TOKEN_BYTES)) {
            prop_assert_eq!(PageToken::decode(&URL_SAFE_NO_PAD.encode(bytes), &KEY), Err(PageTokenError));
        }

        #[test]
        fn all_positions_come_back(end in any::<i64>(), time in any::<i64>(), tie_break in any::<u64>(), query in any::<[u8; 16]>()) {
            let token = PageToken {
                query: QueryDigest(query),
                end: EventTime::from_micros(end),
                after: Position { event_time: EventTime::from_micros(time), tie_break },
            };
            prop_assert_eq!(PageToken::decode(&token.encode(&KEY), &KEY), Ok(token));
        }
    }
}
