//! The role `worker`, and what is done beside it.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::{Bus, bus};
use super::told_to_end;
use crate::application::bus::{Answered, CommandError, KeysInFlight};
use crate::application::ports::{Ids as _, TakenCommand};
use crate::application::snapshots::SnapshotMarks;
use crate::application::stored::run_stored;
use crate::outbound::postgres::{Database, PgEventStore, PgLeases, Wakes, Workers};
use crate::outbound::system::{SystemClock, TimeOrderedIds};
use crate::settings::Settings;
use crate::worker::{RunStored, Running, Worker, forget_old_keys};

/// The bus as the worker uses it.
struct StoredCommands(Bus);

impl RunStored for StoredCommands {
    async fn run_stored(&self, taken: &TakenCommand) -> Result<Answered, CommandError> {
        run_stored(&self.0, taken).await
    }
}

/// Leases and cleaning share `operations` with the figures and probes; the commands have connections of their own, so
/// that they starve neither.
pub fn start(
    settings: &Settings,
    operations: &Database,
    wakes: &Wakes,
    snapshots: SnapshotMarks,
    stop: &CancellationToken,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut commands = settings.database.clone();
    commands.pool_size = commands.pool_size.min(settings.worker.streams_at_once.get());
    let store = Arc::new(PgEventStore::new(Database::open(&commands)?, wakes.clone()));
    let running = Running::new(
        Arc::clone(&store),
        StoredCommands(bus(store, KeysInFlight::default(), snapshots)),
        Arc::new(SystemClock),
        Arc::new(TimeOrderedIds),
        settings.worker.clone(),
    );
    let leases = PgLeases::<Workers>::new(operations.clone(), settings.worker.lease_ttl);
    let worker = Worker::new(
        Arc::new(leases),
        running,
        Arc::clone(&wakes.queue),
        TimeOrderedIds.next(),
        &settings.worker,
    );
    tasks.spawn(told_to_end(worker.run(stop.clone())));

    let keys = forget_old_keys(
        Arc::new(PgEventStore::new(operations.clone(), wakes.clone())),
        settings.worker.key_retention,
        settings.worker.cleanup_interval,
        stop.clone(),
    );
    tasks.spawn(told_to_end(keys));
    Ok(())
}
