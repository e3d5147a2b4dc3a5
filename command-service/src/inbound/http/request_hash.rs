//! What makes two requests under one idempotency key the same.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::problem::Problem;
use crate::application::bus::VersionMatch;

/// Over all that says what a request wants done. A body in another notation is the same body: the order of members and
/// white space do not count, and none at all is `{}`.
pub fn request_hash(
    method: &str,
    target: &str,
    if_match: Option<&VersionMatch>,
    body: &[u8],
) -> Result<[u8; 32], Problem> {
    let mut canonical = Vec::with_capacity(method.len() + target.len() + body.len() + 32);
    // Neither a method nor a target has a line feed, nor has canonical JSON.
    canonical.extend_from_slice(method.as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(target.as_bytes());
    canonical.push(b'\n');
    if let Some(VersionMatch(versions)) = if_match {
        canonical.extend_from_slice(format!("{versions:?}").as_bytes());
    }
    canonical.push(b'\n');
    if body.trim_ascii().is_empty() {
        canonical.extend_from_slice(b"{}");
    } else {
        // The body was read as a command before, so that this does not fail.
        let body: Value = serde_json::from_slice(body).map_err(|_| Problem::internal_error())?;
        write(&body, &mut canonical);
    }
    Ok(Sha256::digest(&canonical).into())
}

/// As deep as the parser goes: 128 levels.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(body: &str) -> [u8; 32] {
        request_hash("POST", "/v1/orders", None, body.as_bytes()).expect("JSON")
    }

    #[test]
    fn the_notation_of_a_body_does_not_count() {
        let one = hash_of(r#"{"a": [1, {"x": "y", "b": null}], "b": true}"#);
        assert_eq!(
            one,
            hash_of(" {\"b\":true,\n\"a\":[1,{\"b\":null,\"x\":\"\\u0079\"}]} ")
        );
        assert_eq!(hash_of(""), hash_of("{}"));
        assert_eq!(hash_of(" \n"), hash_of("{ }"));
    }

    #[test]
    fn all_that_says_what_is_wanted_counts() {
        let of = |method, target, if_match: Option<&[u64]>, body: &str| {
            let if_match = if_match.map(|versions| VersionMatch(versions.to_vec()));
            request_hash(method, target, if_match.as_ref(), body.as_bytes()).expect("JSON")
        };
        let hashes = [
            of("PUT", "/a", None, "{}"),
            of("POST", "/a", None, "{}"),
            of("PUT", "/b", None, "{}"),
            of("PUT", "/a?b", None, "{}"),
            of("PUT", "/a", Some(&[]), "{}"),
            of("PUT", "/a", Some(&[3]), "{}"),
            of("PUT", "/a", Some(&[3, 4]), "{}"),
            of("PUT", "/a", None, r#"{"a":1}"#),
            of("PUT", "/a", None, r#"{"a":[1,2]}"#),
            of("PUT", "/a", None, r#"{"a":[2,1]}"#),
        ];
        for (at, one) in hashes.iter().enumerate() {
            assert!(!hashes[at + 1..].contains(one), "{at}");
        }
    }
}
