//! System packages: what the build and the native servers need, found by looking for the thing itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::run::Run;
use crate::servers::{java, postgres};

/// Something that a package provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The compilers and libraries of the build.
    CCompiler,
    CxxCompiler,
    Make,
    PkgConfig,
    OpenSsl,
    Zlib,
    /// The native servers.
    Postgres,
    Java,
    Maven,
}

impl Need {
    pub const BUILD: [Self; 6] = [
        Self::CCompiler,
        Self::CxxCompiler,
        Self::Make,
        Self::PkgConfig,
        Self::OpenSsl,
        Self::Zlib,
    ];

    fn is_met(self) -> bool {
        match self {
            Self::CCompiler => on_path("cc").is_some(),
            Self::CxxCompiler => on_path("c++").is_some(),
            Self::Make => on_path("make").is_some(),
            Self::PkgConfig => on_path("pkg-config").is_some(),
            Self::OpenSsl => Path::new("/usr/include/openssl/ssl.h").is_file() || pkg_config_knows("openssl"),
            Self::Zlib => Path::new("/usr/include/zlib.h").is_file() || pkg_config_knows("zlib"),
            Self::Postgres => postgres::bin_folder().is_some(),
            Self::Java => java::home().is_some(),
            Self::Maven => on_path("mvn").is_some(),
        }
    }

    /// Debian's packages, the one that is wanted first; older or newer releases have another.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::CCompiler => &["gcc"],
            Self::CxxCompiler => &["g++"],
            Self::Make => &["make"],
            Self::PkgConfig => &["pkg-config"],
            Self::OpenSsl => &["libssl-dev"],
            Self::Zlib => &["zlib1g-dev"],
            Self::Postgres => &["postgresql"],
            Self::Java => &[
                "openjdk-17-jre-headless",
                "openjdk-21-jre-headless",
                "default-jre-headless",
            ],
            Self::Maven => &["maven"],
        }
    }
}

/// Installs what is missing when run as root on a system with apt; else fails with the one command that does it.
pub fn ensure(run: &Run<'_>, needs: &[Need]) -> Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let wanted: Vec<&str> = missing
        .iter()
        .filter_map(|need| need.packages().first().copied())
        .collect();
    if !Uid::effective().is_root() || on_path("apt-get").is_none() {
        bail!(
            "system packages are missing; install them with\n  {}",
            by_hand(&wanted)
        );
    }
    run.progress
        .begin("packages", &format!("installing {}", wanted.join(" ")));
    if missing.contains(&Need::Postgres) {
        prevent_own_cluster()?;
    }
    let mut chosen = choose(&missing, is_installable);
    if chosen.is_none() {
        run.progress.update("packages", "reading the lists of packages");
        apt_get(run, &["update"], &[])?;
        chosen = choose(&missing, is_installable);
    }
    let chosen = chosen.with_context(|| format!("no package is to be had for one of {wanted:?}"))?;
    let install = || apt_get(run, &["install", "--yes", "--no-install-recommends"], &chosen);
    if install().is_err() {
        // The lists may be older than the archive: read them anew and try once more.
        apt_get(run, &["update"], &[])?;
        install()?;
    }
    if missing.contains(&Need::Java) && on_path("update-ca-certificates").is_some() {
        // A new Java's trust store takes the distribution's authorities only; this adds those of the machine's owner.
        run.finish("packages", &mut Command::new("update-ca-certificates"))?;
    }
    if let Some(need) = missing.iter().find(|need| !need.is_met()) {
        bail!("{need:?} is still missing after installing {}", chosen.join(" "));
    }
    run.progress
        .done("packages", &format!("installed {}", chosen.join(" ")));
    Ok(())
}

/// One package for each need, the first that can be installed; none when a need has no such package.
fn choose(missing: &[Need], is_installable: impl Fn(&str) -> bool) -> Option<Vec<&'static str>> {
    missing
        .iter()
        .map(|need| {
            need.packages()
                .iter()
                .copied()
                .find(|package| is_installable(package))
        })
        .collect()
}

fn by_hand(packages: &[&str]) -> String {
    format!(
        "sudo apt-get update && sudo apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    )
}

/// The package would make and start a database cluster of its own, on a port and with files of its own.
fn prevent_own_cluster() -> Result<()> {
    let folder = Path::new("/etc/postgresql-common");
    let file = folder.join("createcluster.conf");
    if file.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(&file, "create_main_cluster = false\n").with_context(|| file.display().to_string())
}

fn apt_get(run: &Run<'_>, arguments: &[&str], packages: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run.finish("packages", &mut command)
}

fn is_installable(package: &str) -> bool {
    let output = Command::new("apt-cache")
        .args(["policy", package])
        .stdin(Stdio::null())
        .output();
    output.is_ok_and(|output| has_candidate(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether `apt-cache policy` names a version that could be installed.
fn has_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate:"))
        .any(|candidate| candidate.trim() != "(none)")
}

/// Where a program is found on the path.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

fn pkg_config_knows(library: &str) -> bool {
    let mut command = Command::new("pkg-config");
    command
        .args(["--exists", library])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_package_that_exists_is_chosen() {
        let chosen = choose(&[Need::Postgres, Need::Java], |package| {
            package != "openjdk-17-jre-headless"
        });
        assert_eq!(chosen, Some(vec!["postgresql", "openjdk-21-jre-headless"]));
    }

    #[test]
    fn a_need_without_any_package_asks_for_newer_lists() {
        assert_eq!(
            choose(&[Need::Zlib, Need::Maven], |package| package == "maven"),
            None
        );
    }

    #[test]
    fn only_a_candidate_can_be_installed() {
        assert!(has_candidate(
            "maven:\n  Installed: (none)\n  Candidate: 3.8.7-1\n"
        ));
        assert!(!has_candidate("x:\n  Installed: (none)\n  Candidate: (none)\n"));
        assert!(!has_candidate(""));
    }

    #[test]
    fn the_command_by_hand_is_one_line() {
        assert!(by_hand(&["maven", "postgresql"]).ends_with("--no-install-recommends maven postgresql"));
    }
}
