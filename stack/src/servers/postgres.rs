//! PostgreSQL, natively: a cluster of its own in the run's data folder.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::account::make_folder;
use crate::external::{APP_ROLE, Database};
use crate::free_port;
use crate::native::Native;
use crate::probe;
use crate::run::Run;
use crate::state::write_private;

const NAME: &str = "postgres";
const OWNER: &str = "orders_owner";
pub const DATABASE: &str = "orders";

/// Durable settings stay as they are by default: fsync and synchronous_commit are on.
const SETTINGS: &str = "
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
";

/// Where `initdb` and `postgres` are: the newest version under Debian's folder, else where the path says.
pub fn bin_folder() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max();
    newest.map(|(_, bin)| bin).or_else(|| {
        crate::packages::on_path("initdb")?
            .canonicalize()
            .ok()?
            .parent()
            .map(Path::to_path_buf)
    })
}

/// Starts it and waits until it answers.
pub fn start(run: &Run<'_>) -> Result<Database> {
    run.progress.begin(NAME, "starting");
    let (server, database) = prepare(run, &run.data().join(NAME))?;
    server.start(run)?;
    run.progress.done(NAME, &format!("ready on {}", server.address()));
    Ok(database)
}

/// The server whose data is in `folder`, made if need be, and its one database.
pub fn prepare(run: &Run<'_>, folder: &Path) -> Result<(Native, Database)> {
    let bin = bin_folder().context("PostgreSQL is not installed")?;
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    let cluster = folder.join("cluster");
    let passwords = folder.join("passwords");
    // Written last: a cluster without it was not finished.
    if !passwords.is_file() {
        create(run, &bin, folder, &passwords)?;
    }
    let (owner_password, app_password) = read_passwords(&passwords)?;
    let port = free_port()?;
    let mut postgres = Command::new(bin.join("postgres"));
    postgres.arg("-D").arg(&cluster).args(["-p", &port.to_string()]);
    postgres.args([
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
    ]);
    postgres.current_dir(folder);
    run.account.apply(&mut postgres);
    let address = format!("127.0.0.1:{port}");
    let database = Database {
        app_url: format!("postgres://{APP_ROLE}:{app_password}@{address}/{DATABASE}"),
        owner_url: format!("postgres://{OWNER}:{owner_password}@{address}/{DATABASE}"),
    };
    let server = Native::new(NAME, postgres, address.clone(), move || probe::postgres(&address));
    Ok((server, database))
}

fn create(run: &Run<'_>, bin: &Path, folder: &Path, passwords: &Path) -> Result<()> {
    run.progress.update(NAME, "making a database cluster");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    run.account.make_private_folder(folder)?;
    let (owner, app) = (random_password()?, random_password()?);
    let password_file = folder.join("owner-password");
    write_private(&password_file, owner.as_bytes())?;
    run.account.own(&password_file)?;
    let cluster = folder.join("cluster");
    let mut initdb = Command::new(bin.join("initdb"));
    initdb.arg("-D").arg(&cluster).args([
        "-U",
        OWNER,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]);
    initdb.arg("--pwfile").arg(&password_file).current_dir(folder);
    run.account.apply(&mut initdb);
    run.finish(NAME, &mut initdb)?;
    fs::remove_file(&password_file)?;
    let conf = cluster.join("postgresql.conf");
    let text = fs::read_to_string(&conf)? + SETTINGS;
    fs::write(&conf, text)?;
    // Single-user mode takes statements from a shell's pipe and needs no client.
    let mut create_database = Command::new("sh");
    create_database.args([
        "-c",
        "echo \"CREATE DATABASE $3\" | \"$1/postgres\" --single -D \"$2\" postgres",
        "sh",
    ]);
    create_database
        .arg(bin)
        .arg(&cluster)
        .arg(DATABASE)
        .current_dir(folder);
    run.account.apply(&mut create_database);
    run.finish(NAME, &mut create_database)?;
    write_private(passwords, format!("{owner}\n{app}\n").as_bytes())
}

fn read_passwords(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines().map(str::to_owned);
    Ok((
        lines.next().context("no owner's password")?,
        lines.next().context("no app's password")?,
    ))
}

/// Letters and digits only: it stands in URLs.
fn random_password() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
