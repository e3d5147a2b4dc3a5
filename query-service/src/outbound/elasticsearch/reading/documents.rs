//! Documents by their id, in real time.

use anyhow::anyhow;
use read_model::{
    CustomerDocument, DeliveryDocument, InvoiceAccountDocument, InvoiceDocument, Kind, OrderDocument,
    OrderHistoryEntry, ProductDocument,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ElasticsearchReader;
use crate::application::ports::StoreError;
use crate::application::ports::reading::DocumentReader;

/// A document that an index keeps.
pub(super) trait Stored: DeserializeOwned + Send + 'static {
    const KIND: Kind;

    /// 0 while only a later part has arrived.
    fn version(&self) -> u64;
}

macro_rules! stored {
    ($($document:ident as $kind:ident),* $(,)?) => {$(
        impl Stored for $document {
            const KIND: Kind = Kind::$kind;

            fn version(&self) -> u64 {
                self.version
            }
        }
    )*};
}

stored! {
    OrderDocument as Order,
    CustomerDocument as Customer,
    ProductDocument as Product,
    InvoiceDocument as Invoice,
    InvoiceAccountDocument as InvoiceAccount,
    DeliveryDocument as Delivery,
    OrderHistoryEntry as OrderHistory,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct Found<D> {
    docs: Vec<FoundDocument<D>>,
}

#[derive(Deserialize)]
#[serde(bound = "D: DeserializeOwned")]
struct FoundDocument<D> {
    #[serde(rename = "_source")]
    source: Option<Source<D>>,
    error: Option<Value>,
}

/// A document, or what waits for its first event.
#[derive(Deserialize)]
#[serde(untagged, bound = "D: DeserializeOwned")]
enum Source<D> {
    Document(D),
    NotYet(NotYet),
}

#[derive(Deserialize)]
struct NotYet {
    version: u64,
}

impl<D: Stored> Source<D> {
    fn document(self) -> Result<Option<D>, StoreError> {
        match self {
            Self::Document(document) => Ok((document.version() > 0).then_some(document)),
            Self::NotYet(NotYet { version: 0 }) => Ok(None),
            Self::NotYet(_) => Err(StoreError::Failed(anyhow!("a stored document cannot be read"))),
        }
    }
}

impl<D: Stored> DocumentReader<D> for ElasticsearchReader {
    async fn get_all(&self, ids: &[Uuid]) -> Result<Vec<Option<D>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("/{}/_mget", self.alias(D::KIND));
        let parameters = [
            ("filter_path", "docs._source,docs.error,docs.found"),
            ("_source_excludes", "parked"),
        ];
        let answer = self.http.post(&path, &parameters, &json!({"ids": ids})).await?;
        let found: Found<D> = answer.parse()?;
        if found.docs.len() != ids.len() {
            return Err(StoreError::Failed(anyhow!("not every document was answered")));
        }
        let documents = found
            .docs
            .into_iter()
            .map(|found| match (found.error, found.source) {
                (Some(error), _) => Err(StoreError::Unavailable(anyhow!(
                    "Elasticsearch cannot tell: {error}"
                ))),
                (None, Some(source)) => source.document(),
                (None, None) => Ok(None),
            });
        documents.collect()
    }

    async fn get(&self, id: Uuid) -> Result<Option<D>, StoreError> {
        let path = format!("/{}/_source/{id}", self.alias(D::KIND));
        let (status, answer) = self.http.get(&path, &[]).await?;
        match status {
            200..=299 => match answer.parse() {
                Ok(document) => Ok(Some(document).filter(|document: &D| document.version() > 0)),
                Err(error) => match answer.parse() {
                    Ok(NotYet { version: 0 }) => Ok(None),
                    _ => Err(error),
                },
            },
            404 if answer.is_missing_document() => Ok(None),
            _ => Err(answer.refusal(status)),
        }
    }
}
