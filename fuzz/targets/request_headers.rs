//! Any `Idempotency-Key`, `If-Match`, `Prefer` and `Consistency-Token`: lines, each with its header's number before it.
#![no_main]

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use command_service::inbound::http::request_headers::{idempotency_key, if_match, prefers_async};
use fuzz::first;
use libfuzzer_sys::fuzz_target;
use query_service::inbound::http::consistency;

const NAMES: [&str; 4] = ["idempotency-key", "if-match", "prefer", "consistency-token"];

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    let mut request = TestRequest::get();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        let Some((choice, value)) = first(line) else {
            continue;
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let name = HeaderName::from_static(NAMES[choice % NAMES.len()]);
        request = request.append_header((name.clone(), value.clone()));
        headers.append(name, value);
    }
    if let Ok(Some(key)) = idempotency_key(&headers) {
        assert!((1..=255).contains(&key.len()));
    }
    if let Ok(Some(versions)) = if_match(&headers) {
        assert!(
            versions
                .0
                .iter()
                .all(|version| (1..=i64::MAX as u64).contains(version))
        );
    }
    _ = prefers_async(&headers);
    let allowance = std::time::Duration::from_secs(1);
    if let Ok(context) = consistency::context(&request.to_http_request(), allowance) {
        let wait = context
            .wait_until
            .saturating_duration_since(tokio::time::Instant::now());
        assert!(wait <= std::time::Duration::from_secs(30));
    }
});
