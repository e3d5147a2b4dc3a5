//! Puts the event schemas of `schemas/` into a Confluent-compatible registry.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::{http, workspace};

const LIMIT: Duration = Duration::from_secs(20);
/// More at once gains nothing from one registry.
const AT_ONCE: usize = 8;

/// A schema file and the subject it belongs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFile {
    /// `{prefix}{topic}-{full name}`: TopicRecordNameStrategy.
    pub subject: String,
    pub text: String,
}

/// Registers every `schemas/<topic>/<Type>.avsc` under `{prefix}{topic}-{full name}`, each subject with FULL_TRANSITIVE
/// compatibility. `url` is the registry's Confluent-compatible API. Repeating it changes nothing. Returns how many.
pub fn register(url: &str, topic_prefix: &str) -> Result<usize> {
    let files = read(&workspace::root().join("schemas"), topic_prefix)?;
    let url = url.trim_end_matches('/');
    let chunk = files.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = files
            .chunks(chunk)
            .map(|part| scope.spawn(move || part.iter().try_for_each(|file| register_one(url, file))))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .map_err(|_| anyhow!("registering schemas panicked"))?
        })
    })?;
    Ok(files.len())
}

/// The schema files below `folder`, one folder for each topic.
pub fn read(folder: &Path, topic_prefix: &str) -> Result<Vec<SchemaFile>> {
    let mut files = Vec::new();
    for topic in folder
        .read_dir()
        .with_context(|| format!("cannot read {}", folder.display()))?
    {
        let topic = topic?;
        if !topic.file_type()?.is_dir() {
            continue;
        }
        let topic_name = topic.file_name().to_string_lossy().into_owned();
        for file in topic.path().read_dir()? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "avsc") {
                let text = std::fs::read_to_string(&path)?;
                let name = full_name(&text).with_context(|| path.display().to_string())?;
                files.push(SchemaFile {
                    subject: format!("{topic_prefix}{topic_name}-{name}"),
                    text,
                });
            }
        }
    }
    files.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(files)
}

fn full_name(schema: &str) -> Result<String> {
    let schema: Value = serde_json::from_str(schema).context("not JSON")?;
    let name = schema["name"].as_str().context("a schema without a name")?;
    match schema["namespace"].as_str() {
        Some(namespace) => Ok(format!("{namespace}.{name}")),
        None if name.contains('.') => Ok(name.to_owned()),
        None => bail!("the record {name} has no namespace"),
    }
}

fn register_one(url: &str, file: &SchemaFile) -> Result<()> {
    let agent = http::agent(LIMIT);
    let subject = &file.subject;
    let compatibility = json!({ "compatibility": "FULL_TRANSITIVE" });
    let set = || http::send_json(&agent, "PUT", &format!("{url}/config/{subject}"), &compatibility);
    // Apicurio knows a subject's rule only once the subject exists, a Confluent registry takes it before.
    let set_before = set().is_ok();
    http::send_json(
        &agent,
        "POST",
        &format!("{url}/subjects/{subject}/versions"),
        &json!({ "schema": file.text }),
    )
    .with_context(|| format!("the registry refused {subject}"))?;
    if !set_before {
        set()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_has_a_subject_of_its_topic_and_full_name() {
        let files = read(&workspace::root().join("schemas"), "t1.").unwrap();
        let subject = "t1.ordering.orders-ordering.orders.OrderSubmittedV1";
        assert!(files.iter().any(|file| file.subject == subject), "{files:?}");
    }

    #[test]
    fn a_record_without_namespace_is_named() {
        let error = full_name(r#"{"type": "record", "name": "X"}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains('X'), "{error}");
    }
}
