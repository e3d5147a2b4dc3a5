//! A document that one event makes and nothing changes after.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_events::EventMetadata;
use uuid::Uuid;

use crate::fold::FoldError;
use crate::sequenced::{Applied, ApplyError, UnreadableDocument, read_document};
use crate::streams::StreamEvent;

/// What one event makes.
pub trait Entry: Sized + Serialize + DeserializeOwned {
    type Event: StreamEvent;

    /// Of the event in its stream.
    fn version(&self) -> u64;

    fn of(id: Uuid, metadata: &EventMetadata, event: &Self::Event) -> Result<Self, ApplyError>;
}

/// The document, absent until its event has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Created<D> {
    id: Uuid,
    document: Option<D>,
}

impl<D: Entry> Created<D> {
    pub fn new(id: Uuid) -> Self {
        Self { id, document: None }
    }

    pub fn document(&self) -> Option<&D> {
        self.document.as_ref()
    }

    /// 0 while it is absent.
    pub fn version(&self) -> u64 {
        self.document.as_ref().map_or(0, D::version)
    }

    pub fn apply(&mut self, metadata: &EventMetadata, event: &D::Event) -> Result<Applied, ApplyError> {
        let (stream, found) = (metadata.aggregate_id, event.aggregate_id());
        if found != stream {
            return Err(FoldError::WrongStream { stream, found }.into());
        }
        if self.document.is_some() {
            return Ok(Applied::Duplicate);
        }
        self.document = Some(D::of(self.id, metadata, event)?);
        Ok(Applied::Folded {
            drained: 0,
            stuck: None,
        })
    }

    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct NotYet {
            id: Uuid,
            version: u64,
        }
        match &self.document {
            Some(document) => serde_json::to_string(document),
            None => serde_json::to_string(&NotYet {
                id: self.id,
                version: 0,
            }),
        }
    }

    pub fn from_json(id: Uuid, body: Value) -> Result<Self, UnreadableDocument> {
        let document = read_document(body).map_err(|source| UnreadableDocument { id, source })?;
        Ok(Self { id, document })
    }
}
