//! How many connections there are.

use actix_web::dev::Extensions;

/// One of them, for as long as it is kept.
struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        metrics::gauge!("http_connections").decrement(1);
    }
}

/// Counts a connection that begins, in what is kept with it until it ends.
pub fn count(kept: &mut Extensions) {
    metrics::gauge!("http_connections").increment(1);
    kept.insert(Connection);
}
