//! Any text as the id of an event: refused, or the same positions again when it is shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query_service::application::pushing::Positions;

fuzz_target!(|text: &str| {
    if let Ok(positions) = text.parse::<Positions>() {
        let again = positions.to_string().parse::<Positions>();
        assert!(positions.is_empty() || again == Ok(positions));
    }
});
