//! Cursors: the sort values that a page ended with and the point in time that it was of, signed for the query that they
//! belong to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use shared_events::ConsistencyToken;

use crate::application::ports::reading::PointInTime;

/// Rises with the payload's format.
const FORMAT: u8 = 2;
const SIGNATURE_BYTES: usize = 16;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub sort_values: Vec<Value>,
    pub point: Option<WalkedPoint>,
}

/// A point in time that a walk goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkedPoint {
    pub point: PointInTime,
    /// What was waited for before it was opened.
    pub includes: Option<ConsistencyToken>,
}

impl WalkedPoint {
    pub fn includes(&self, token: &ConsistencyToken) -> bool {
        self.includes.is_some_and(|known| {
            (known.aggregate, known.id) == (token.aggregate, token.id) && known.version >= token.version
        })
    }
}

/// As it travels.
#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(rename = "a")]
    sort_values: Vec<Value>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    point: Option<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    includes: Option<String>,
}

/// Seals and opens cursors. Every replica needs the same secret.
pub struct CursorSigner {
    key: Hmac<Sha256>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cursor was not given out for this query: use next_cursor as it is, with the same filters and sort"
)]
pub struct ForgedCursor;

impl CursorSigner {
    pub fn new(secret: &[u8]) -> Self {
        // A key of the block's size, made from a secret of any length.
        let mut key = Key::<Hmac<Sha256>>::default();
        let digest = Sha256::digest(secret);
        key[..digest.len()].copy_from_slice(&digest);
        Self { key: Hmac::new(&key) }
    }

    /// `fingerprint` says for which query the cursor holds; it does not travel.
    pub fn seal(&self, place: &Place, fingerprint: &str) -> String {
        let walked = place.point.as_ref();
        let payload = Payload {
            sort_values: place.sort_values.clone(),
            point: walked.map(|walked| walked.point.0.clone()),
            includes: walked.and_then(|walked| walked.includes.map(|token| token.to_string())),
        };
        // Plain values into memory: this does not fail; an empty one would not be opened.
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.sign(&payload, fingerprint).finalize().into_bytes()[..SIGNATURE_BYTES]);
        bytes.extend_from_slice(&payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn open(&self, cursor: &str, fingerprint: &str) -> Result<Place, ForgedCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ForgedCursor)?;
        let Some((&FORMAT, rest)) = bytes.split_first() else {
            return Err(ForgedCursor);
        };
        let (signature, payload) = rest.split_at_checked(SIGNATURE_BYTES).ok_or(ForgedCursor)?;
        self.sign(payload, fingerprint)
            .verify_truncated_left(signature)
            .map_err(|_| ForgedCursor)?;
        let payload: Payload = serde_json::from_slice(payload).map_err(|_| ForgedCursor)?;
        let includes = match payload.includes.as_deref().map(str::parse) {
            Some(Ok(token)) => Some(token),
            Some(Err(_)) => return Err(ForgedCursor),
            None => None,
        };
        Ok(Place {
            sort_values: payload.sort_values,
            point: payload.point.map(|point| WalkedPoint {
                point: PointInTime(point),
                includes,
            }),
        })
    }

    fn sign(&self, payload: &[u8], fingerprint: &str) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(&[FORMAT]);
        mac.update(&(fingerprint.len() as u64).to_be_bytes());
        mac.update(fingerprint.as_bytes());
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn a_signer() -> CursorSigner {
        CursorSigner::new(b"a secret for tests")
    }

    fn a_place() -> Place {
        Place {
            sort_values: vec![
                json!(1_760_000_000_000_123_i64),
                json!("0190b5a0-0000-7000-8000-000000000001"),
            ],
            point: Some(WalkedPoint {
                point: PointInTime("46ToAwMDaWR5BXV1aWQyKwZub2RlXzM=".to_owned()),
                includes: "order:0190b5a0-0000-7000-8000-000000000001:3".parse().ok(),
            }),
        }
    }

    #[test]
    fn a_cursor_opens_for_its_own_query_in_every_replica() {
        let cursor = a_signer().seal(&a_place(), "created_at-");
        assert_eq!(a_signer().open(&cursor, "created_at-"), Ok(a_place()));
    }

    #[test]
    fn a_cursor_of_another_query_or_another_secret_is_forged() {
        let cursor = a_signer().seal(&a_place(), "created_at-");
        assert_eq!(a_signer().open(&cursor, "total+"), Err(ForgedCursor));
        assert_eq!(
            CursorSigner::new(b"another").open(&cursor, "created_at-"),
            Err(ForgedCursor)
        );
    }

    #[test]
    fn no_byte_of_a_cursor_can_be_changed() {
        let cursor = a_signer().seal(&a_place(), "q");
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("our own");
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert_eq!(
                a_signer().open(&URL_SAFE_NO_PAD.encode(forged), "q"),
                Err(ForgedCursor),
                "byte {at}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back_to_its_last_digit(number in any::<f64>()) {
            let place = Place { sort_values: vec![json!(number)], point: None };
            prop_assert_eq!(a_signer().open(&a_signer().seal(&place, "q"), "q"), Ok(place));
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".*") {
            prop_assert_eq!(a_signer().open(&text, "q"), Err(ForgedCursor));
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(a_signer().open(&URL_SAFE_NO_PAD.encode(bytes), "q"), Err(ForgedCursor));
        }
    }
}
