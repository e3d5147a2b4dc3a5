//! Any query string, for every parameter that there is.
#![no_main]

use fuzz::first;
use libfuzzer_sys::fuzz_target;
use query_service::application::ports::reading::{DeliveryFilter, HistoryFilter, InvoiceFilter, OrderFilter};
use query_service::inbound::http::parameters::{
    ORDER_STATES, Parameters, day, moment, uuid, version_or_time,
};

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = first(data) else { return };
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let mut parameters = Parameters::parse(query);
    match choice % 4 {
        0 => {
            parameters.any_of("status", &ORDER_STATES);
            parameters.paging::<OrderFilter>();
        }
        1 => _ = parameters.paging::<InvoiceFilter>(),
        2 => _ = parameters.paging::<DeliveryFilter>(),
        _ => _ = parameters.paging::<HistoryFilter>(),
    }
    parameters.one("id", uuid);
    parameters.one("day", day);
    parameters.one("moment", moment);
    parameters.one("as_of", version_or_time);
    // An answer repeats what was sent, cut.
    if let Err(problem) = parameters.finish() {
        let said = format!("{problem:?}");
        assert!(said.len() < 200_000, "{} bytes", said.len());
    }
});
