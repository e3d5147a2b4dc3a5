//! How much waits in the outbox, measured in the store and not by the relay, so that a stopped relay shows.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::application::backlog::SeenBacklog;
use crate::application::backpressure::Backpressure;
use crate::application::ports::Outbox;

/// Counting many rows takes a while: so many times as long it rests afterwards at least.
const REST: u32 = 9;

/// Keeps the gauges `outbox_depth` and `outbox_oldest_age_seconds` true until told to stop, and tells `room` the depth.
/// While the store does not answer, the age goes on growing from what was seen last.
pub async fn watch_backlog<O: Outbox>(
    outbox: Arc<O>,
    room: Arc<Backpressure>,
    seen: Arc<SeenBacklog>,
    every: Duration,
    stop: CancellationToken,
) {
    seen.looked_at_every(every);
    let mut rest = Duration::ZERO;
    loop {
        let measured = async {
            tokio::time::sleep(rest).await;
            let began = Instant::now();
            let measured = outbox.backlog().await;
            // What takes long and finds nothing is no count.
            rest = match &measured {
                Ok(backlog) if backlog.rows > 0 => every.max(began.elapsed() * REST),
                _ => every,
            };
            (began, measured)
        };
        let Some((asked, measured)) = stop.run_until_cancelled(measured).await else {
            return;
        };
        match measured {
            Ok(backlog) => {
                room.measured(backlog.rows);
                seen.see(asked, backlog);
            }
            Err(error) => tracing::debug!(%error, "the outbox's backlog is not known"),
        }
        seen.tell();
    }
}
