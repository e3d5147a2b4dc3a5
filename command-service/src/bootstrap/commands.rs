//! The commands' door, in front of the bus.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::application::bus::{CommandBus, KeysInFlight, RetryPolicy};
use crate::application::snapshots::SnapshotMarks;
use crate::inbound::http::admission::Admission;
use crate::inbound::http::authentication::Authentication;
use crate::inbound::http::command_api::{CommandApi, Wiring};
use crate::outbound::postgres::{Database, PgEventStore, Wakes};
use crate::outbound::system::{SystemClock, TimeOrderedIds};
use crate::settings::Settings;

pub struct Production;

impl Wiring for Production {
    type Store = PgEventStore;
    type Clock = SystemClock;
    type Ids = TimeOrderedIds;
}

pub type Bus = CommandBus<PgEventStore, SystemClock, TimeOrderedIds>;

pub fn bus(store: Arc<PgEventStore>, keys_in_flight: KeysInFlight, snapshots: SnapshotMarks) -> Bus {
    CommandBus::with_snapshots(
        store,
        Arc::new(SystemClock),
        Arc::new(TimeOrderedIds),
        RetryPolicy::default(),
        keys_in_flight,
        snapshots,
    )
}

/// Builds the commands' door in each HTTP worker: with connections of its own, a command is worked on one thread from its
/// request to its answer.
pub fn command_api(
    settings: &Settings,
    wakes: &Wakes,
    snapshots: SnapshotMarks,
    admission: Admission,
) -> anyhow::Result<impl Fn() -> CommandApi<Production> + Send + Clone + 'static> {
    let workers = settings.http.workers();
    let mut share = settings.database.clone();
    share.pool_size = share.pool_size.div_ceil(workers);
    let databases = (0..workers)
        .map(|_| Database::open(&share))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let databases: Arc<[Database]> = databases.into();
    let next = Arc::new(AtomicUsize::new(0));
    let admission = Arc::new(admission);
    let deadline = settings.http.request_deadline;
    let wakes = wakes.clone();
    let keys_in_flight = KeysInFlight::default();
    let authentication = Authentication::new(&settings.auth)
        .map(Arc::new)
        .map_err(anyhow::Error::msg)?;
    Ok(move || {
        let worker = next.fetch_add(1, Ordering::Relaxed) % databases.len();
        let store = Arc::new(PgEventStore::new(databases[worker].clone(), wakes.clone()));
        CommandApi::new(
            bus(Arc::clone(&store), keys_in_flight.clone(), snapshots.clone()),
            store,
            Arc::new(SystemClock),
            Arc::new(TimeOrderedIds),
            Arc::clone(&admission),
            deadline,
            Arc::clone(&authentication),
        )
    })
}
