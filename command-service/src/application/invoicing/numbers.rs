//! Numbers of documents, in series without gaps.

use crate::application::bus::CommandError;
use crate::application::ports::{EventStore, NumberClaim, NumberSeries, StreamId};

/// The number that the series gives next. Nothing is taken by asking: it is the document's once the commit has claimed it,
/// and a commit that lost it to another is decided again with the next. `target` is what is decided on, for errors.
pub(super) async fn next(
    store: &impl EventStore,
    series: NumberSeries,
    target: StreamId,
) -> Result<NumberClaim, CommandError> {
    let last = store
        .last_number(series)
        .await
        .map_err(|error| CommandError::of_store(error, target))?;
    match last.checked_add(1) {
        Some(number) => Ok(NumberClaim { series, number }),
        None => Err(CommandError::Failed(anyhow::anyhow!(
            "the series {} is used up",
            series.as_str()
        ))),
    }
}
