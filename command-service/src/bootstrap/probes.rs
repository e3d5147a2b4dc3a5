//! Whether what the relay needs answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use schema_registry_converter::async_impl::schema_registry::{SrSettings, perform_sr_call};
use schema_registry_converter::schema_registry_common::SrCall;
use shared_events::AggregateType;
use shared_events::codec::{schemas, subject};

use crate::inbound::health::Dependency;
use crate::outbound::kafka::KafkaSettings;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_millis(1500);

/// Up while a broker answers a metadata request and has the orders' topic.
pub fn kafka(settings: &KafkaSettings, required: bool) -> anyhow::Result<Dependency> {
    let servers = settings
        .bootstrap_servers
        .as_deref()
        .context("Kafka's bootstrap servers are not set")?;
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .context("Kafka's client")?;
    let client = Arc::new(client);
    let topic: Arc<str> = format!("{}{}", settings.topic_prefix, AggregateType::Order.topic()).into();
    Ok(Dependency::new("kafka", required, move || {
        let (client, topic) = (Arc::clone(&client), Arc::clone(&topic));
        async move {
            let metadata =
                tokio::task::spawn_blocking(move || client.client().fetch_metadata(Some(&topic), TIMEOUT))
                    .await??;
            let failure = metadata.topics().iter().find_map(|topic| topic.error());
            failure.map_or(Ok(()), |error| {
                Err(anyhow::anyhow!("{}", RDKafkaErrorCode::from(error)))
            })
        }
    }))
}

/// Up while it knows a schema that this build writes with.
pub fn schema_registry(settings: &Settings, required: bool) -> anyhow::Result<Dependency> {
    let url = settings
        .schema_registry
        .url
        .as_deref()
        .context("the schema registry's URL is not set")?;
    let registry = SrSettings::new_builder(url.trim_end_matches('/').to_owned())
        .set_timeout(TIMEOUT)
        .build()
        .context("the schema registry's client")?;
    let schema = schemas().next().context("this build has no schema")?;
    let topic = format!("{}{}", settings.kafka.topic_prefix, schema.topic);
    let subject = subject(&topic, schema.event_type);
    let registry = Arc::new(registry);
    Ok(Dependency::new("schema_registry", required, move || {
        let (registry, subject) = (Arc::clone(&registry), subject.clone());
        async move {
            perform_sr_call(&registry, SrCall::GetLatest(&subject)).await?;
            Ok(())
        }
    }))
}
