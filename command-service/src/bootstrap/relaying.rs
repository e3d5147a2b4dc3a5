//! The role `relay`: the relay, and the repairs that the query service asks for.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::application::ports::Ids as _;
use crate::inbound::kafka::RepairRequests;
use crate::outbound::kafka::{KafkaPublisher, SchemaIds};
use crate::outbound::postgres::{Database, PgEventArchive, PgLeases, PgOutbox, Relays, Wakes};
use crate::outbound::system::TimeOrderedIds;
use crate::relay::Relay;
use crate::republishing::{Ports, Republisher};
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
    let leases = Arc::new(PgLeases::<Relays>::new(
        database.clone(),
        settings.relay.lease_ttl,
    ));
    let republisher = Republisher::new(
        Ports {
            archive: Arc::new(PgEventArchive::new(database.clone())),
            leases: Arc::clone(&leases),
            outbox: Arc::clone(outbox),
            publisher: Arc::clone(&publisher),
        },
        TimeOrderedIds.next(),
        settings.republishing.clone(),
        settings.relay.lease_ttl,
        stop.clone(),
    );
    let repairs = RepairRequests::new(&settings.kafka)?.run(republisher, stop.clone());
    let relay = Relay::new(
        leases,
        Arc::clone(outbox),
        Arc::clone(&publisher),
        Arc::clone(&wakes.outbox),
        TimeOrderedIds.next(),
        &settings.relay,
    );
    let relaying = relay.run(stop.clone());
    tasks.spawn(async move {
        let ((), repaired) = tokio::join!(relaying, repairs);
        publisher.close().await;
        repaired
    });
    Ok(())
}
