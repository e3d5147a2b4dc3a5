//! The headers of reading your own writes: which version to wait for, and how long.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use shared_events::ConsistencyToken;
use tokio::time::Instant;

use super::problem::{Problem, ProblemKind};
use crate::application::queries::Context;
use crate::failpoints;

pub const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
/// The version of the document that the answer shows.
pub const PROJECTED_VERSION: HeaderName = HeaderName::from_static("projected-version");
/// How many seconds what the answer was read from is behind.
pub const PROJECTION_LAG: HeaderName = HeaderName::from_static("projection-lag");
const PREFER: HeaderName = HeaderName::from_static("prefer");

const DEFAULT_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// `allowance` is how long the query may take beside its wait.
pub fn context(request: &HttpRequest, allowance: Duration) -> Result<Context, Problem> {
    Ok(Context {
        token: token(request.headers())?,
        wait_until: Instant::now() + wait(request.headers())?,
        allowance,
    })
}

/// Never an older token than the client has: who is shown an earlier state goes on from the later.
pub fn newer(shown: ConsistencyToken, known: Option<&HeaderValue>) -> ConsistencyToken {
    known
        .and_then(|known| known.to_str().ok()?.parse::<ConsistencyToken>().ok())
        .filter(|known| (known.aggregate, known.id) == (shown.aggregate, shown.id))
        .filter(|known| known.version > shown.version)
        .unwrap_or(shown)
}

fn token(headers: &HeaderMap) -> Result<Option<ConsistencyToken>, Problem> {
    let mut given = headers.get_all(&CONSISTENCY_TOKEN);
    let Some(header) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Problem::new(
            ProblemKind::MalformedToken,
            "Consistency-Token may be given once.",
        ));
    }
    let malformed = |cause: String| {
        Problem::new(
            ProblemKind::MalformedToken,
            format!("Consistency-Token: {cause}."),
        )
    };
    let text = header.to_str().map_err(|_| malformed("not ASCII".to_owned()))?;
    text.parse()
        .map(|token: ConsistencyToken| Some(failpoints::spoilt(token)))
        .map_err(|error: shared_events::token::MalformedToken| malformed(error.to_string()))
}

/// The first `wait` among the preferences (RFC 7240), in whole seconds, cut to the longest wait there is.
fn wait(headers: &HeaderMap) -> Result<Duration, Problem> {
    let malformed = || {
        Problem::new(
            ProblemKind::MalformedHeader,
            "Prefer: wait must be a whole number of seconds, such as wait=5.",
        )
    };
    for header in headers.get_all(&PREFER) {
        let header = header.to_str().map_err(|_| malformed())?;
        for preference in header.split(',') {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            if !name.trim().eq_ignore_ascii_case("wait") {
                continue;
            }
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap_or(value);
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(malformed());
            }
            // Digits that do not fit are a very long time.
            let seconds = value.parse().unwrap_or(u64::MAX);
            return Ok(Duration::from_secs(seconds.min(LONGEST_WAIT.as_secs())));
        }
    }
    Ok(DEFAULT_WAIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                name.clone(),
                HeaderValue::from_str(value).expect("a header's value"),
            );
        }
        headers
    }

    #[rstest]
    #[case(&[], 2)]
    #[case(&["respond-async"], 2)]
    #[case(&["wait=0"], 0)]
    #[case(&["wait=5"], 5)]
    #[case(&["WAIT = \"7\""], 7)]
    #[case(&["respond-async, wait=10; foo=bar"], 10)]
    #[case(&["handling=lenient", "wait=3"], 3)]
    #[case(&["wait=3, wait=9"], 3)]
    #[case(&["wait=31"], 30)]
    #[case(&["wait=99999999999999999999999999"], 30)]
    fn the_first_wait_counts_within_its_bound(#[case] prefer: &[&str], #[case] seconds: u64) {
        let wait = wait(&headers(PREFER, prefer)).expect("well-formed");
        assert_eq!(wait, Duration::from_secs(seconds));
    }

    #[rstest]
    fn a_wait_that_is_no_whole_number_is_refused(
        #[values("wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=\"1")] prefer: &str,
    ) {
        assert!(wait(&headers(PREFER, &[prefer])).is_err());
    }

    #[test]
    fn a_token_is_given_once_and_well_formed() {
        let text = "order:0190b5a0-0000-7000-8000-000000000001:3";
        let parsed = token(&headers(CONSISTENCY_TOKEN, &[text]))
            .expect("well-formed")
            .expect("given");
        assert_eq!(parsed.to_string(), text);
        assert!(token(&headers(CONSISTENCY_TOKEN, &[])).expect("absent").is_none());
        assert!(token(&headers(CONSISTENCY_TOKEN, &[text, text])).is_err());
        assert!(token(&headers(CONSISTENCY_TOKEN, &["order:1:1"])).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(text in "[ -~]*") {
            let _ = wait(&headers(PREFER, &[&text]));
            let _ = token(&headers(CONSISTENCY_TOKEN, &[&text]));
        }
    }
}
