//! The headers that say how a command is to be run.

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH};

use super::problem::{Problem, ProblemKind};
use crate::application::bus::VersionMatch;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
pub const RESPOND_ASYNC: &str = "respond-async";

const MAX_KEY_BYTES: usize = 255;

/// The key under which the client may send the command again.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY);
    let Some(key) = given.next() else {
        return Ok(None);
    };
    let key = key.as_bytes();
    let is_key = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(key) {
        Ok(key) if is_key && given.next().is_none() => Ok(Some(key.to_owned())),
        _ => Err(malformed(
            "Idempotency-Key must be given once, with 1 to 255 visible ASCII characters.",
        )),
    }
}

/// The versions that the client wants the command run on.
pub fn if_match(headers: &HeaderMap) -> Result<Option<VersionMatch>, Problem> {
    let mut tags = Vec::new();
    let mut is_given = false;
    for line in headers.get_all(IF_MATCH) {
        is_given = true;
        let line = line.to_str().map_err(|_| malformed_if_match())?;
        tags.extend(line.split(',').map(str::trim).filter(|tag| !tag.is_empty()));
    }
    match (is_given, &*tags) {
        (false, _) => Ok(None),
        (true, []) => Err(malformed_if_match()),
        (true, ["*"]) => Ok(Some(VersionMatch(Vec::new()))),
        (true, tags) => tags
            .iter()
            .map(|tag| version(tag))
            .collect::<Option<_>>()
            .map(|versions| Some(VersionMatch(versions)))
            .ok_or_else(malformed_if_match),
    }
}

/// Of a tag as an `ETag` shows it: the digits without a leading zero, in quotes.
fn version(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    // What the store can hold: nothing is at a version beyond.
    let version: i64 = is_number.then(|| digits.parse().ok())??;
    u64::try_from(version).ok()
}

fn malformed_if_match() -> Problem {
    malformed(
        "If-Match takes versions in quotes as an ETag shows them (\"3\", or a list: \"3\", \"4\"), or *.",
    )
}

/// Whether the client would rather not wait for the outcome (RFC 7240). Other preferences are not known here, and may be
/// ignored as such.
pub fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| split_unquoted(line, ','))
        .any(|preference| {
            let preference = split_unquoted(preference, ';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            // An empty value says as much as none.
            name.trim().eq_ignore_ascii_case(RESPOND_ASYNC) && matches!(value.trim(), "" | "\"\"")
        })
}

/// The parts between separators that do not stand in a quoted string.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return character == separator && !is_quoted,
        }
        false
    })
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::MalformedHeader, detail)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                name.clone(),
                HeaderValue::from_bytes(line.as_bytes()).expect("a value"),
            );
        }
        headers
    }

    #[test]
    fn if_match_takes_versions_lists_and_a_star() {
        for (lines, expected) in [
            (&["\"3\""][..], vec![3]),
            (&["\"3\", \"4\""], vec![3, 4]),
            (&["\"3\"", ",\"4\","], vec![3, 4]),
            (&["*"], vec![]),
            (&["\"9223372036854775807\""], vec![i64::MAX as u64]),
        ] {
            let parsed = if_match(&headers(IF_MATCH, lines)).expect("well-formed");
            assert_eq!(parsed, Some(VersionMatch(expected)), "{lines:?}");
        }
        assert_eq!(if_match(&HeaderMap::new()).expect("nothing"), None);
    }

    #[test]
    fn if_match_refuses_what_is_no_version_in_quotes() {
        for line in [
            "",
            ",",
            "3",
            "\"abc\"",
            "W/\"3\"",
            "\"3",
            "\"\"",
            "\"",
            "\"03\"",
            "\"0\"",
            "\"+3\"",
            "\"-3\"",
            "*, \"3\"",
            "\"3\" \"4\"",
            "\"9223372036854775808\"",
            "\"3\", x",
            "é",
        ] {
            let refused = if_match(&headers(IF_MATCH, &[line])).expect_err(line);
            assert_eq!(refused.kind, ProblemKind::MalformedHeader, "{line}");
        }
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let longest = "k".repeat(255);
        for key in ["1", "\"8e03978e\"", "a:b/c~!", &longest] {
            let parsed = idempotency_key(&headers(IDEMPOTENCY_KEY, &[key])).expect("well-formed");
            assert_eq!(parsed.as_deref(), Some(key));
        }
        let too_long = "k".repeat(256);
        for lines in [&[""][..], &["a b"], &["é"], &["a\tb"], &[&too_long], &["a", "a"]] {
            let refused = idempotency_key(&headers(IDEMPOTENCY_KEY, lines)).expect_err("malformed");
            assert_eq!(refused.kind, ProblemKind::MalformedHeader, "{lines:?}");
        }
    }

    #[test]
    fn the_preference_is_found_among_others() {
        for lines in [
            &["respond-async"][..],
            &["Respond-Async"],
            &["wait=10, respond-async"],
            &["wait=10", "foo; bar=\"a,b\", respond-async; x=y"],
            &["respond-async=\"\""],
            &["foo=\"\\\",\", respond-async"],
        ] {
            assert!(prefers_async(&headers(PREFER, lines)), "{lines:?}");
        }
        for lines in [
            &[][..],
            &["wait=10"],
            &["foo=\"respond-async\""],
            &["foo=\"a, respond-async, b\""],
            &["foo; respond-async"],
            &["respond-async=no"],
            &["respond-asynchronously"],
        ] {
            assert!(!prefers_async(&headers(PREFER, lines)), "{lines:?}");
        }
    }
}
