//! A small file system for the database's files, which can be filled up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const SIZE: &str = "4G";
const FILLER: &str = "filler";

/// Mounted until it is dropped.
pub struct Disk {
    mounted: PathBuf,
}

impl Disk {
    /// An ext4 in a file, else one in memory; none where this machine mounts neither.
    pub fn mount(at: &Path, image: &Path) -> Result<Option<Self>> {
        unmount(at);
        fs::create_dir_all(at)?;
        let _ = fs::remove_file(image);
        let mounted = on_a_loop(at, image).or_else(|_| {
            run(
                "mount",
                &["-t", "tmpfs", "-o", "mode=755,size=4g", "torture", path(at)?],
            )
        });
        Ok(mounted.is_ok().then(|| Self {
            mounted: at.to_owned(),
        }))
    }

    /// Takes every block that is left.
    pub fn fill(&self) -> Result<()> {
        let filler = self.mounted.join(FILLER);
        // In large steps first: to write all of it would take long.
        for step in ["64M", "1M", "4K"] {
            let mut number = 0;
            loop {
                let part = filler.with_extension(format!("{step}-{number}"));
                if run("fallocate", &["-l", step, path(&part)?]).is_err() {
                    break;
                }
                number += 1;
            }
        }
        Ok(())
    }

    pub fn make_room(&self) -> Result<()> {
        for entry in fs::read_dir(&self.mounted)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(FILLER) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Disk {
    /// Whoever still has a file open keeps it until then.
    pub fn unmount(&self) {
        unmount(&self.mounted);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn on_a_loop(at: &Path, image: &Path) -> Result<()> {
    run("truncate", &["-s", SIZE, path(image)?])?;
    run("mkfs.ext4", &["-q", "-F", "-m", "0", path(image)?])?;
    run("mount", &["-o", "loop", path(image)?, path(at)?])
}

/// Also where a run that was killed left it; nothing to do where nothing is mounted.
fn unmount(at: &Path) {
    while path(at).is_ok_and(|at| run("umount", &["-l", at]).is_ok()) {}
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
