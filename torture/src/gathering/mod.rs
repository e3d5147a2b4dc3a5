//! What stands everywhere when all is at rest.

mod answers;
mod figures;
mod store;
mod topics;

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use crate::cluster::Cluster;
use crate::recording::Recorder;

/// Notes all of it.
pub async fn gather(cluster: &Cluster, recorder: &Recorder) -> Result<()> {
    store::note(&cluster.database().await?, recorder)
        .await
        .context("the event store")?;
    let bootstrap_servers = cluster.bootstrap_servers().to_owned();
    let notes = recorder.clone();
    spawn_blocking(move || topics::note(&bootstrap_servers, &notes))
        .await?
        .context("the topics")?;
    answers::note(cluster, recorder)
        .await
        .context("the query service's answers")?;
    figures::note(cluster, recorder)
        .await
        .context("the projectors' figures")
}
