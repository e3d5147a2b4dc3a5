//! Events, commands, and what is left in outbox and queue.

use anyhow::Result;
use checker::history::Entry;
use e2e::stored;
use tokio_postgres::Client;

use crate::recording::Recorder;

pub async fn note(database: &Client, recorder: &Recorder) -> Result<()> {
    let note = |entry| {
        recorder.note(entry);
        Ok(())
    };
    stored::each_event(database, |event| note(Entry::Event(event))).await?;
    stored::each_outcome(database, |outcome| note(Entry::Outcome(outcome))).await?;
    stored::each_left_over(database, |left| note(Entry::Left(left))).await
}
