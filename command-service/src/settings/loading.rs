//! Reads the file and the environment setting by setting, so that every mistake is named at once with the place that
//! it was made in.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Source, Value, ValueKind};

use super::{Role, Settings};

/// Only names that begin with this are read; one underscore alone (`COMMAND_SERVICE_PORT_8080_TCP`, as Kubernetes sets
/// for a service of that name) is not ours.
const PREFIX: &str = "COMMAND_SERVICE__";

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

/// One setting as the file or the environment gives it.
struct Given {
    /// Such as `http.port`.
    key: String,
    /// Where it was given, in the user's words.
    place: String,
    value: Value,
}

/// Defaults, then the file, then the environment: the later wins.
pub fn load(
    role: Role,
    file: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Settings, ConfigurationErrors> {
    let mut errors = Vec::new();
    let mut given = file.map_or_else(Vec::new, |path| from_file(path, &mut errors));
    given.extend(from_environment(environment, &mut errors));

    let mut accepted = Config::builder();
    for setting in given {
        // Alone on top of the defaults, so that what is said about it is about nothing else.
        match merge(Config::builder(), &setting)
            .and_then(|alone| alone.build()?.try_deserialize::<Settings>())
        {
            Ok(_) => match merge(accepted.clone(), &setting) {
                Ok(merged) => accepted = merged,
                Err(error) => errors.push(describe(&setting, &error)),
            },
            Err(error) => errors.push(describe(&setting, &error)),
        }
    }
    match accepted.build().and_then(Config::try_deserialize::<Settings>) {
        Ok(settings) => {
            errors.extend(settings.violations(role));
            if errors.is_empty() {
                return Ok(settings);
            }
        }
        Err(error) => errors.push(error.to_string()),
    }
    Err(ConfigurationErrors(errors))
}

type Builder = config::ConfigBuilder<config::builder::DefaultState>;

fn merge(builder: Builder, setting: &Given) -> Result<Builder, config::ConfigError> {
    builder.set_override(&setting.key, setting.value.clone())
}

fn from_file(path: &Path, errors: &mut Vec<String>) -> Vec<Given> {
    let place = path.display().to_string();
    let read = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| {
            File::from_str(&text, FileFormat::Toml)
                .collect()
                .map_err(|error| error.to_string())
        });
    match read {
        Ok(table) => {
            let mut given = Vec::new();
            flatten("", table, &place, &mut given);
            given
        }
        Err(error) => {
            errors.push(format!("{place}: {}", error.trim_end()));
            Vec::new()
        }
    }
}

fn flatten(prefix: &str, table: Map<String, Value>, place: &str, given: &mut Vec<Given>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        match value.kind {
            ValueKind::Table(inner) => flatten(&key, inner, place, given),
            _ => given.push(Given {
                place: format!("{place}, {key}"),
                key,
                value,
            }),
        }
    }
}

fn from_environment(
    environment: impl Iterator<Item = (OsString, OsString)>,
    errors: &mut Vec<String>,
) -> Vec<Given> {
    let mut ours = HashMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        match value.into_string() {
            Ok(value) => _ = ours.insert(name.to_owned(), value),
            Err(_) => errors.push(format!("{name}: the value is not UTF-8")),
        }
    }
    let source = Environment::with_prefix(PREFIX.trim_end_matches('_'))
        .prefix_separator("__")
        .separator("__")
        .source(Some(ours));
    match source.collect() {
        Ok(table) => {
            let mut given: Vec<Given> = table
                .into_iter()
                .map(|(key, value)| Given {
                    place: format!("{PREFIX}{}", key.replace('.', "__").to_uppercase()),
                    key,
                    value,
                })
                .collect();
            given.sort_by(|a, b| a.place.cmp(&b.place));
            given
        }
        Err(error) => {
            errors.push(format!("the environment: {error}"));
            Vec::new()
        }
    }
}

fn describe(setting: &Given, error: &config::ConfigError) -> String {
    let mut reason = match error {
        // The place is said before; what is left is serde's own sentence.
        config::ConfigError::At { error, .. } => error.to_string(),
        config::ConfigError::Type {
            unexpected, expected, ..
        } => format!("invalid type: {unexpected}, expected {expected}"),
        other => other.to_string(),
    };
    if is_secret(&setting.key) {
        let value = setting.value.clone().into_string().unwrap_or_default();
        if !value.is_empty() {
            reason = reason.replace(&value, "[masked]");
        }
    }
    format!("{}: {reason}", setting.place)
}

/// URLs may hold a password.
fn is_secret(key: &str) -> bool {
    ["url", "secret", "password", "token"]
        .iter()
        .any(|word| key.ends_with(word))
}

#[cfg(test)]
mod tests;
