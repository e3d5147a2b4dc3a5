//! Any bytes as a change that the projector told: left out, or the same again when it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query_service::application::ports::Change;

fuzz_target!(|data: &[u8]| {
    if let Ok(change) = serde_json::from_slice::<Change>(data) {
        let text = serde_json::to_vec(&change).expect("JSON");
        let again: Change = serde_json::from_slice(&text).expect("its own");
        assert_eq!(again, change);
    }
});
