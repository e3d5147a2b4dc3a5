//! Writer schemas by their id in the schema registry.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use schema_registry_converter::async_impl::schema_registry::{SrSettings, get_schema_by_id};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::RawError;
use secrecy::ExposeSecret;
use shared_events::{DecodeError, WriterSchema};

use super::settings::SchemaRegistrySettings;

/// The registry's own error code for an id that it does not know.
const SCHEMA_NOT_FOUND: u32 = 40403;

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema registry knows no schema {0}")]
    Unknown(u32),
    #[error("schema {id} of the registry cannot be used")]
    Unusable {
        id: u32,
        #[source]
        source: DecodeError,
    },
    /// No verdict on the id: ask again later.
    #[error("the schema registry did not answer")]
    Unavailable(#[source] SRCError),
}

/// Ids never change their meaning, so what was read once is kept for good; only ids that the registry knows are kept.
pub struct SchemaLookups {
    registry: SrSettings,
    known: RwLock<HashMap<u32, Arc<WriterSchema>>>,
}

impl SchemaLookups {
    pub fn new(settings: &SchemaRegistrySettings) -> Result<Self, SRCError> {
        let mut registry = SrSettings::new_builder(settings.url.trim_end_matches('/').to_owned());
        registry.no_proxy().set_timeout(settings.request_timeout);
        if let Some(username) = &settings.username {
            let password = settings.password.as_ref().map(ExposeSecret::expose_secret);
            registry.set_basic_authorization(username, password);
        }
        Ok(Self {
            registry: registry.build()?,
            known: RwLock::default(),
        })
    }

    /// Only from memory.
    pub fn known(&self, id: u32) -> Option<Arc<WriterSchema>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    /// From memory, else from the registry.
    pub async fn get(&self, id: u32) -> Result<Arc<WriterSchema>, SchemaError> {
        if let Some(schema) = self.known(id) {
            return Ok(schema);
        }
        let registered = match get_schema_by_id(id, &self.registry).await {
            Ok(registered) => registered,
            Err(error) if is_not_found(&error) => return Err(SchemaError::Unknown(id)),
            Err(error) => return Err(SchemaError::Unavailable(error)),
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Parsed under the lock: a parsed schema is kept for good, so the same id must not be parsed twice.
        if let Some(schema) = known.get(&id) {
            return Ok(Arc::clone(schema));
        }
        let schema = WriterSchema::parse(&registered.schema)
            .map(Arc::new)
            .map_err(|source| SchemaError::Unusable { id, source })?;
        known.insert(id, Arc::clone(&schema));
        Ok(schema)
    }
}

fn is_not_found(error: &SRCError) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<RawError>())
        .is_some_and(|answer| answer.error_code == SCHEMA_NOT_FOUND)
}
