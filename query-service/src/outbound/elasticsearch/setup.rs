//! Templates and generations made.

use elasticsearch::http::Method;
use read_model::Kind;
use serde_json::{Value, json};

use super::client::ElasticsearchSettings;
use super::generations::ElasticsearchGenerations;
use super::indices::{mapping_version, template};
use super::request::send;
use crate::application::ports::{Generation, Generations as _, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("Elasticsearch cannot say which generations there are")]
    Unreachable(#[source] StoreError),
    #[error("Elasticsearch refused {what} with status {status}: {answer}")]
    Refused {
        what: String,
        status: u16,
        answer: String,
    },
}

/// What [`missing`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    pub generation: Generation,
    /// Queries of this kind read none. They are pointed to a new one only then: an empty index would make their answers
    /// wrong.
    pub unread: bool,
}

/// The first generations of this build's mappings that are not there yet.
pub async fn missing(
    generations: &ElasticsearchGenerations,
    kinds: &[Kind],
) -> Result<Vec<Missing>, SetupError> {
    let mut missing = Vec::new();
    for kind in kinds {
        let mapping = mapping_version(*kind);
        let found = generations
            .find(&[*kind])
            .await
            .map_err(SetupError::Unreachable)?;
        if found.iter().any(|found| found.generation.mapping == mapping) {
            continue;
        }
        let queried = format!("/_alias/{}", generations.naming().queried(*kind));
        let (status, _) = send(
            generations.client(),
            Method::Head,
            &queried,
            "application/json",
            &[],
            None,
        )
        .await
        .map_err(SetupError::Unreachable)?;
        missing.push(Missing {
            generation: Generation {
                kind: *kind,
                mapping,
                number: 1,
            },
            unread: status == 404,
        });
    }
    Ok(missing)
}

/// Puts this build's templates. Generations that exist keep what they were made with.
pub async fn put_templates(
    generations: &ElasticsearchGenerations,
    settings: &ElasticsearchSettings,
    kinds: &[Kind],
) -> Result<(), SetupError> {
    for kind in kinds {
        let name = generations.naming().template(*kind, mapping_version(*kind));
        let path = format!("/_index_template/{name}");
        put(generations, &path, &template(settings, *kind)).await?;
    }
    Ok(())
}

/// Makes a generation; its template has been put. Safe to run by several at once.
pub async fn create(generations: &ElasticsearchGenerations, missing: Missing) -> Result<(), SetupError> {
    let Missing { generation, unread } = missing;
    let naming = generations.naming();
    let index = naming.index(generation);
    let queried = naming.queried(generation.kind);
    let mut aliases = json!({ naming.projected(generation): {} });
    match unread {
        true => aliases[&queried] = json!({}),
        false => tracing::warn!(
            index,
            queried,
            "queries go on reading another generation until query-service rebuild has filled this one"
        ),
    }
    match put(generations, &format!("/{index}"), &json!({ "aliases": aliases })).await {
        Ok(()) => {
            tracing::info!(index, "index created");
            Ok(())
        }
        // Another setup was faster.
        Err(SetupError::Refused {
            status: 400, answer, ..
        }) if answer.contains("\"resource_already_exists_exception\"") => Ok(()),
        Err(error) => Err(error),
    }
}

/// Templates, and those first generations that are not there yet. Safe to run by several at once, and again.
pub async fn create_missing(
    generations: &ElasticsearchGenerations,
    settings: &ElasticsearchSettings,
    kinds: &[Kind],
) -> Result<(), SetupError> {
    put_templates(generations, settings, kinds).await?;
    for missing in missing(generations, kinds).await? {
        create(generations, missing).await?;
    }
    Ok(())
}

/// Whether queries read generations of this build's mappings, for each of these kinds; else what is to be done.
pub async fn check(generations: &ElasticsearchGenerations, kinds: &[Kind]) -> anyhow::Result<()> {
    let naming = generations.naming();
    let found = generations.find(kinds).await?;
    for kind in kinds {
        let (kind, ours, queried) = (*kind, mapping_version(*kind), naming.queried(*kind));
        let read = found
            .iter()
            .find(|found| found.queried && found.generation.kind == kind);
        match read.map(|found| found.generation.mapping) {
            Some(mapping) if mapping == ours => {}
            Some(mapping) => anyhow::bail!(
                "{queried} reads an index of mapping {mapping}, and this build needs {ours}; run: query-service rebuild {}",
                kind.name()
            ),
            None => anyhow::bail!("there is no {queried}: query-service setup creates it"),
        }
    }
    Ok(())
}

async fn put(generations: &ElasticsearchGenerations, path: &str, body: &Value) -> Result<(), SetupError> {
    let body = Some(body.to_string());
    let (status, answer) = send(
        generations.client(),
        Method::Put,
        path,
        "application/json",
        &[],
        body,
    )
    .await
    .map_err(SetupError::Unreachable)?;
    match status {
        200..=299 => Ok(()),
        _ => Err(SetupError::Refused {
            what: path.to_owned(),
            status,
            answer: String::from_utf8_lossy(&answer).into_owned(),
        }),
    }
}
