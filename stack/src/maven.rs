//! Fetches the native servers through Maven, once for a checkout.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::account::make_folder;
use crate::run::Run;
use crate::servers::java;
use crate::workspace;

/// Where the unpacked servers lie.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The jars of Kafka and its tools.
    pub fn kafka(&self) -> PathBuf {
        self.folder.join("kafka")
    }

    pub fn elasticsearch(&self) -> Result<PathBuf> {
        only_entry(&self.folder, |name| name.starts_with("elasticsearch-"))
    }

    /// The registry's folder and the name of its jar.
    pub fn registry(&self) -> Result<(PathBuf, PathBuf)> {
        let folder = self.folder.join("apicurio");
        let jar = only_entry(&folder, |name| name.ends_with("-runner.jar"))?;
        Ok((folder, jar))
    }
}

/// The servers of `stack/servers.xml`, fetched if they are not there or if that file has changed since.
pub fn fetch(run: &Run<'_>) -> Result<Cache> {
    let cache = Cache {
        folder: run.server_folder().join("cache"),
    };
    let pom = workspace::root().join("stack/servers.xml");
    let wanted = fs::read(&pom).with_context(|| format!("cannot read {}", pom.display()))?;
    make_folder(run.server_folder())?;
    // Another run of this checkout may be fetching: wait for it rather than write into its files.
    let lock = File::create(run.server_folder().join("cache.lock"))?;
    lock.lock()?;
    let marker = cache.folder.join("servers.xml");
    if fs::read(&marker).is_ok_and(|fetched| fetched == wanted) {
        return Ok(cache);
    }
    run.progress
        .begin("download", "Kafka, Elasticsearch and Apicurio by Maven");
    let partial = run.server_folder().join("cache.partial");
    for folder in [&partial, &cache.folder] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    make_folder(&partial)?;
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-f"]).arg(&pom).arg("generate-resources");
    maven.arg(format!("-Dstack.into={}", partial.display()));
    maven.env("JAVA_HOME", java::home().context("no Java 17 or newer")?);
    let mut shown = String::new();
    run.finish_watched("download", &mut maven, |log| {
        if let Some(artifact) = latest_artifact(log).filter(|artifact| *artifact != shown) {
            run.progress.update("download", &artifact);
            shown = artifact;
        }
    })?;
    fs::write(partial.join("servers.xml"), wanted)?;
    fs::rename(&partial, &cache.folder)?;
    run.progress
        .done("download", "Kafka, Elasticsearch and Apicurio are unpacked");
    Ok(cache)
}

/// The file that Maven's log names last.
fn latest_artifact(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let line = text
        .lines()
        .rev()
        .find(|line| line.contains("Downloading from"))?;
    Some(line.rsplit('/').next()?.to_owned())
}

fn only_entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    folder
        .read_dir()
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .find(|entry| wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .with_context(|| format!("a server is missing in {}", folder.display()))
}
