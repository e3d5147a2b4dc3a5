//! The registry's ids of the schemas. Looked up and never registered: a schema gets into the registry by a decision, not
//! because an event of it was written.

use std::collections::HashMap;
use std::sync::RwLock;

use anyhow::Context;
use schema_registry_converter::async_impl::schema_registry::{SrSettings, perform_sr_call};
use schema_registry_converter::schema_registry_common::SrCall;
use shared_events::codec::{schemas, subject};

use super::SchemaRegistrySettings;

/// Once known, an id is good for ever: the registry gives each schema one and never takes it back.
pub struct SchemaIds {
    registry: SrSettings,
    topic_prefix: String,
    known: RwLock<HashMap<String, u32>>,
}

impl std::fmt::Debug for SchemaIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaIds")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

impl SchemaIds {
    /// Subjects are named after topics with their prefix.
    pub fn new(settings: &SchemaRegistrySettings, topic_prefix: &str) -> anyhow::Result<Self> {
        let url = settings
            .url
            .as_deref()
            .context("the schema registry's URL is not set")?;
        Ok(Self {
            registry: SrSettings::new_builder(url.trim_end_matches('/').to_owned())
                .set_timeout(settings.timeout)
                .build()
                .context("the schema registry's client")?,
            topic_prefix: topic_prefix.to_owned(),
            known: RwLock::default(),
        })
    }

    /// The id if it is known without asking.
    pub fn known(&self, event_type: &str) -> Option<u32> {
        let known = self
            .known
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(event_type).copied()
    }

    /// The id of the very schema that this build writes `event_type` with. Of a type that only a newer build knows, whose
    /// row this one may still meet, the subject's only version: a released schema never changes.
    pub async fn look_up(&self, topic: &str, event_type: &str) -> anyhow::Result<u32> {
        if let Some(id) = self.known(event_type) {
            return Ok(id);
        }
        let subject = subject(&format!("{}{topic}", self.topic_prefix), event_type);
        let answer = match schemas().find(|known| known.event_type == event_type) {
            Some(known) => {
                let body = serde_json::json!({ "schema": known.text }).to_string();
                perform_sr_call(&self.registry, SrCall::PostForVersion(&subject, &body)).await
            }
            None => perform_sr_call(&self.registry, SrCall::GetLatest(&subject)).await,
        };
        let id = answer
            .with_context(|| format!("the registry has no answer for {subject}"))?
            .id
            .with_context(|| format!("the registry gives {subject} no id"))?;
        let mut known = self
            .known
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known.insert(event_type.to_owned(), id);
        Ok(id)
    }
}
