//! The Java that Kafka, Elasticsearch and the registry run on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::on_path;
use crate::run::Run;

/// What the servers were tried with, best first.
const VERSIONS: std::ops::RangeInclusive<u32> = 17..=21;

/// For programs that end soon or do little: they start with less work.
pub const QUICK_START: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// The folder above `bin/java` of a Java that fits: `JAVA_HOME`, else the one on the path, else an installed one.
pub fn home() -> Option<PathBuf> {
    let configured = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let first = on_path("java")
        .and_then(|java| java.canonicalize().ok())
        .and_then(|java| above_bin(&java));
    let mut installed: Vec<PathBuf> = Path::new("/usr/lib/jvm")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    installed.sort();
    configured
        .into_iter()
        .chain(first)
        .chain(installed)
        .find(|home| fits(home))
}

/// `java` with the heap at most that many megabytes.
pub fn command(run: &Run<'_>, heap_mb: u32) -> Result<Command> {
    let mut command = Command::new(home().context("no Java 17 to 21")?.join("bin/java"));
    command.arg(format!("-Xmx{heap_mb}m"));
    run.account.apply(&mut command);
    Ok(command)
}

fn above_bin(java: &Path) -> Option<PathBuf> {
    java.parent()?.parent().map(Path::to_path_buf)
}

fn fits(home: &Path) -> bool {
    home.join("bin/java").is_file()
        && std::fs::read_to_string(home.join("release"))
            .ok()
            .and_then(|release| major_version(&release))
            .is_some_and(|version| VERSIONS.contains(&version))
}

/// From a line such as `JAVA_VERSION="17.0.15"` of the file `release`.
fn major_version(release: &str) -> Option<u32> {
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    line.trim_matches('"').split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_release_file() {
        assert_eq!(
            major_version("IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\n"),
            Some(17)
        );
        assert_eq!(major_version("JAVA_VERSION=\"21\"\n"), Some(21));
        assert_eq!(major_version("JAVA_VERSION=\"1.8.0_402\"\n"), Some(1));
        assert_eq!(major_version(""), None);
    }
}
