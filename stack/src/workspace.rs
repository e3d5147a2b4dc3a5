//! Where the workspace, its target folder and its built binaries are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::launch::Profile;

/// The checkout's root folder.
pub fn root() -> PathBuf {
    let start = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .or_else(|| env::current_dir().ok());
    start
        .and_then(|start| {
            start
                .ancestors()
                .find(|folder| is_root(folder))
                .map(Path::to_path_buf)
        })
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

fn is_root(folder: &Path) -> bool {
    folder.join("Cargo.lock").is_file() && folder.join("stack/Cargo.toml").is_file()
}

/// Cargo's target folder of this checkout.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// `cargo`, run in the root, without the variables that the surrounding `cargo run` or `cargo test` has set: build scripts
/// that watch them would run again each time.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_set_by_cargo) {
            command.env_remove(name);
        }
    }
    command
}

fn is_set_by_cargo(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
}

/// `cargo build` of these binaries.
pub fn cargo_build(profile: Profile, binaries: &[&str]) -> Command {
    let mut command = cargo();
    command.args(["build", "--workspace"]);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    match profile {
        Profile::Dev => {}
        Profile::Release => {
            command.arg("--release");
        }
        // With a test among them, cargo selects features as it does for tests: those that dev-dependencies want, too. So
        // nothing is built twice, and the services have fail points. This one is small.
        Profile::Test => {
            command.args(["--test", "schemas"]);
        }
        Profile::Torture => {
            command
                // Of every crate that has it. Named for each service (`query-service/failpoints`), cargo leaves it out of one.
                .args(["--release", "--features", "failpoints"])
                // What is built on the way is shared with other releases, the binaries are not.
                .env("CARGO_BUILD_BUILD_DIR", target())
                .arg("--target-dir")
                .arg(target().join("failpoints"));
        }
    }
    command
}

/// The path of a built service binary: `COMMAND_SERVICE_BIN` (`QUERY_SERVICE_BIN`) if set, else the one that tests have,
/// which cargo brings up to date first (nothing to do takes it a moment).
pub fn binary(name: &str) -> Result<PathBuf> {
    let variable = format!("{}_BIN", shouting(name));
    if let Some(path) = env::var_os(&variable) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("{variable} names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    let profile = match cfg!(debug_assertions) {
        true => Profile::Test,
        false => Profile::Torture,
    };
    let output = cargo_build(profile, &[name])
        .arg("--quiet")
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo could not build {name}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(built(name, profile))
}

/// Where cargo puts a binary.
pub fn built(name: &str, profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev | Profile::Test => "debug",
        Profile::Release => "release",
        Profile::Torture => "failpoints/release",
    };
    target().join(folder).join(name)
}

/// `command-service` as it stands in names of environment variables: `COMMAND_SERVICE`.
pub fn shouting(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_this_crate() {
        assert!(root().join("stack/src/workspace.rs").is_file());
    }

    #[test]
    fn variables_of_the_surrounding_cargo_are_told_from_settings() {
        assert!(is_set_by_cargo("CARGO_PKG_NAME"));
        assert!(is_set_by_cargo("CARGO_MANIFEST_DIR"));
        assert!(!is_set_by_cargo("CARGO_TARGET_DIR"));
        assert!(!is_set_by_cargo("CARGO_HOME"));
    }

    #[test]
    fn names_shout() {
        assert_eq!(shouting("command-service"), "COMMAND_SERVICE");
    }
}
