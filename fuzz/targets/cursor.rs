//! Any text as a cursor is forged; any place that is sealed is opened again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use query_service::application::queries::cursor::{CursorSigner, Place};

fuzz_target!(|text: &str| {
    static SIGNER: LazyLock<CursorSigner> = LazyLock::new(|| CursorSigner::new(b"a secret"));
    assert!(SIGNER.open(text, "a query").is_err(), "nobody sealed it");
    if let Ok(sort_values) = serde_json::from_str::<Vec<serde_json::Value>>(text) {
        let place = Place {
            sort_values,
            point: None,
        };
        let sealed = SIGNER.seal(&place, text);
        assert_eq!(SIGNER.open(&sealed, text).expect("its own"), place);
        assert!(SIGNER.open(&sealed, "another query").is_err() || text == "another query");
    }
});
