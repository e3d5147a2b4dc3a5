//! Which files lie where.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::unistd::Uid;

use crate::account::{Account, make_folder};
use crate::workspace;

/// State files and logs of all runs.
pub fn stack_folder() -> PathBuf {
    workspace::target().join("stack")
}

/// Where servers and their data lie: beside the state, or, when the servers' user cannot get there (a checkout below a
/// closed home folder), in a folder of this checkout's own that everyone can reach.
pub fn server_folder(account: &Account) -> Result<PathBuf> {
    let beside = stack_folder();
    make_folder(&beside)?;
    if account.can_enter(&beside) {
        return Ok(beside);
    }
    let elsewhere = reachable_folder(&workspace::root());
    make_folder(&elsewhere)?;
    let metadata = fs::symlink_metadata(&elsewhere)?;
    if !metadata.is_dir() || metadata.uid() != Uid::effective().as_raw() {
        bail!("{} belongs to somebody else: remove it", elsewhere.display());
    }
    Ok(elsewhere)
}

fn reachable_folder(root: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    root.canonicalize()
        .unwrap_or_else(|_| root.to_path_buf())
        .hash(&mut hasher);
    Path::new("/var/tmp").join(format!("cqrs-stack-{:016x}", hasher.finish()))
}

/// The files of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFiles {
    pub name: String,
    folder: PathBuf,
}

impl RunFiles {
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            folder: stack_folder().join(&name),
            name,
        }
    }

    /// Every run that has left a folder.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(stack_folder()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().join(STATE).is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.into_iter().map(Self::new).collect()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join(STATE)
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub fn log(&self, part: &str) -> PathBuf {
        self.logs().join(format!("{part}.log"))
    }

    /// Held while the run is started or stopped.
    pub fn lock(&self) -> PathBuf {
        stack_folder().join(format!("{}.lock", self.name))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Below `server_folder`.
    pub fn data(&self, server_folder: &Path) -> PathBuf {
        server_folder.join(&self.name).join("data")
    }
}

const STATE: &str = "state.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_have_folders_of_their_own() {
        let (one, other) = (
            reachable_folder(Path::new("/home/one")),
            reachable_folder(Path::new("/home/other")),
        );
        assert_ne!(one, other);
        assert_eq!(one, reachable_folder(Path::new("/home/one")));
    }

    #[test]
    fn runs_share_no_file() {
        let (up, test) = (RunFiles::new("up"), RunFiles::new("test"));
        assert_ne!(up.state(), test.state());
        assert_ne!(up.lock(), test.lock());
        assert_ne!(up.data(Path::new("/x")), test.data(Path::new("/x")));
    }
}
