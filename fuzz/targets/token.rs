//! Any text as a consistency token: refused, or of one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared_events::ConsistencyToken;

fuzz_target!(|text: &str| {
    if let Ok(token) = text.parse::<ConsistencyToken>() {
        assert_eq!(token.to_string(), text);
        assert!((1..=i64::MAX as u64).contains(&token.version));
    }
});
