//! Any bytes as a request to send a stream again: refused, or the same again when it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared_events::RepairRequest;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = RepairRequest::decode(data) {
        assert!((1..=i64::MAX as u64).contains(&request.from_version));
        let again = RepairRequest::decode(request.encode().as_bytes());
        assert_eq!(again.ok(), Some(request));
    }
});
