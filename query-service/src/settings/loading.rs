//! Reads settings from their layers and names every error at once.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat, Value, ValueKind};
use serde::de::DeserializeOwned;

/// Everything that is wrong with the configuration. Secrets are masked.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigurationErrors(pub Vec<String>);

impl fmt::Display for ConfigurationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} error(s):", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ConfigurationErrors {}

/// Layers `file` and then `environment` over the defaults of `T`, which are those of its `Default`.
///
/// `T` and its sections are expected to be `#[serde(default, deny_unknown_fields)]`: what is wrong is named, taken out,
/// and the rest is read again, so that one run names all of it. Values of keys in `secrets` are masked.
pub fn load<T: DeserializeOwned + Default>(
    file: Option<&Path>,
    environment: HashMap<String, String>,
    prefix: &str,
    secrets: &[&str],
) -> (T, Vec<String>) {
    let mut errors = Vec::new();
    let mut builder = Config::builder();
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => match Config::builder()
                .add_source(File::from_str(&text, FileFormat::Toml))
                .build()
            {
                Ok(layer) => builder = builder.add_source(layer),
                // The parser shows the offending line, which may hold a secret: say only where.
                Err(error) => errors.push(format!("{}: {}", path.display(), first_line(&error.to_string()))),
            },
            Err(error) => errors.push(format!("{}: {error}", path.display())),
        }
    }
    builder = builder.add_source(
        Environment::with_prefix(prefix)
            .prefix_separator("__")
            .separator("__")
            .source(Some(environment)),
    );
    let mut tree = match builder.build() {
        Ok(config) => config.cache,
        Err(error) => {
            errors.push(first_line(&error.to_string()).to_owned());
            return (T::default(), errors);
        }
    };
    loop {
        match serde_path_to_error::deserialize::<_, T>(tree.clone()) {
            Ok(settings) => return (settings, errors),
            Err(error) => {
                let (path, error) = (error.path().to_string(), error.into_inner());
                let Some(key) = offender(&path, &error).filter(|key| take(&mut tree, key)) else {
                    errors.push(format!("{path}: {error}"));
                    return (T::default(), errors);
                };
                let variable = format!("{prefix}__{}", key.to_uppercase().replace('.', "__"));
                let cause = if secrets.contains(&key.as_str()) {
                    "the value cannot be used [masked]".to_owned()
                } else {
                    cause(&error)
                };
                errors.push(format!("{key} ({variable}): {cause}"));
            }
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn cause(error: &ConfigError) -> String {
    match error {
        ConfigError::Type {
            unexpected, expected, ..
        } => format!("{expected} expected, {unexpected} found"),
        ConfigError::At { error, .. } => cause(error),
        other => other.to_string(),
    }
}

/// The key of the value that an error is about. serde names an unknown field in its text and its table in the path.
fn offender(path: &str, error: &ConfigError) -> Option<String> {
    let text = cause(error);
    let mut keys: Vec<&str> = path
        .split('.')
        .filter(|key| !key.is_empty() && *key != "?")
        .collect();
    if let Some(field) = text
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
        && keys.last() != Some(&field)
    {
        keys.push(field);
    }
    (!keys.is_empty()).then(|| keys.join("."))
}

/// Removes the value at `key`, so that the rest can be read.
fn take(tree: &mut Value, key: &str) -> bool {
    let mut value = tree;
    let mut keys = key.split('.').peekable();
    while let Some(name) = keys.next() {
        let ValueKind::Table(table) = &mut value.kind else {
            return false;
        };
        if keys.peek().is_none() {
            return table.remove(name).is_some();
        }
        match table.get_mut(name) {
            Some(inner) => value = inner,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests;
