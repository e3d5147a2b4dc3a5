//! The role `relay`.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::told_to_end;
use crate::application::ports::Ids as _;
use crate::outbound::kafka::{KafkaPublisher, SchemaIds};
use crate::outbound::postgres::{Database, PgLeases, PgOutbox, Relays, Wakes};
use crate::outbound::system::TimeOrderedIds;
use crate::relay::Relay;
use crate::settings::Settings;

pub fn start(
    settings: &Settings,
    database: &Database,
    outbox: &Arc<PgOutbox>,
    wakes: &Wakes,
    stop: &CancellationToken,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let schemas = SchemaIds::new(&settings.schema_registry, &settings.kafka.topic_prefix)?;
    let publisher = Arc::new(KafkaPublisher::new(&settings.kafka, schemas)?);
    let leases = PgLeases::<Relays>::new(database.clone(), settings.relay.lease_ttl);
    let relay = Relay::new(
        Arc::new(leases),
        Arc::clone(outbox),
        Arc::clone(&publisher),
        Arc::clone(&wakes.outbox),
        TimeOrderedIds.next(),
        &settings.relay,
    );
    let relaying = relay.run(stop.clone());
    tasks.spawn(told_to_end(async move {
        relaying.await;
        publisher.close().await;
    }));
    Ok(())
}
