//! The system user that servers run as when the launcher runs as root: PostgreSQL and Elasticsearch refuse to be root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::{Gid, Uid, User};

const NAME: &str = "cqrs-stack";

/// Whom servers run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The user who runs the launcher.
    Own,
    /// A system user without a home or a shell.
    System { uid: Uid, gid: Gid },
}

impl Account {
    /// The launcher's own user, or, when that is root, the system user, which is made if need be.
    pub fn for_servers() -> Result<Self> {
        if !Uid::effective().is_root() {
            return Ok(Self::Own);
        }
        if let Some(user) = User::from_name(NAME)? {
            return Ok(Self::System {
                uid: user.uid,
                gid: user.gid,
            });
        }
        let mut useradd = Command::new("useradd");
        useradd.args([
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
        ]);
        let output = useradd
            .args(["--shell", "/usr/sbin/nologin", NAME])
            .output()
            .context("cannot run useradd")?;
        // Another checkout's launcher may have made it in the meantime.
        match User::from_name(NAME)? {
            Some(user) => Ok(Self::System {
                uid: user.uid,
                gid: user.gid,
            }),
            None => bail!(
                "useradd made no user {NAME}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    /// Makes the command run as this user.
    pub fn apply(&self, command: &mut Command) {
        if let Self::System { uid, gid } = self {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
    }

    /// Whether this user can enter the folder, which exists.
    pub fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("sh");
        command
            .args(["-c", "cd -- \"$1\"", "sh"])
            .arg(folder)
            .current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes a folder that this user owns and nobody else can read.
    pub fn make_private_folder(&self, folder: &Path) -> Result<()> {
        make_folder(folder)?;
        self.own(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// Gives a file or a folder (not what is in it) to this user.
    pub fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::System { uid, gid } => chown(path, Some(uid.as_raw()), Some(gid.as_raw()))
                .with_context(|| format!("cannot give {} to {NAME}", path.display())),
        }
    }

    /// Whether this user owns what is there.
    pub fn owns(&self, path: &Path) -> bool {
        let uid = match self {
            Self::Own => Uid::effective(),
            Self::System { uid, .. } => *uid,
        };
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.uid() == uid.as_raw())
    }
}

/// Makes a folder and those above it; everyone may enter it, whatever the umask says.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    match fs::create_dir(folder) {
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", folder.display())),
    }
    Ok(())
}
