//! Elasticsearch, natively: one node.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::account::{Account, make_folder};
use crate::free_port;
use crate::http;
use crate::maven::Cache;
use crate::native::Native;
use crate::run::Run;
use crate::servers::java;

const NAME: &str = "elasticsearch";
const HEAP: &str = "-Xms512m -Xmx512m";

/// Starts it and waits until the cluster's health is told.
pub fn start(run: &Run<'_>, cache: &Cache) -> Result<String> {
    run.progress.begin(NAME, "starting");
    let node = prepare(run, cache, &[])?;
    node.start(run)?;
    run.progress.done(NAME, &format!("ready on {}", node.address()));
    Ok(node.address().to_owned())
}

/// `java_options` on top of its heap's.
pub fn prepare(run: &Run<'_>, cache: &Cache, java_options: &[&str]) -> Result<Native> {
    let home = cache.elasticsearch()?;
    make_folder(&run.data())?;
    let folder = run.data().join(NAME);
    run.account.make_private_folder(&folder)?;
    for part in ["data", "logs", "tmp"] {
        run.account.make_private_folder(&folder.join(part))?;
    }
    // It writes a keystore beside its settings, and the cache is shared by all runs.
    let config = folder.join("config");
    copy_folder(&run.account, &home.join("config"), &config)?;
    let (port, transport_port) = (free_port()?, free_port()?);
    let mut elasticsearch = Command::new(home.join("bin/elasticsearch"));
    for setting in [
        "discovery.type=single-node".to_owned(),
        "xpack.security.enabled=false".to_owned(),
        "xpack.ml.enabled=false".to_owned(),
        "cluster.routing.allocation.disk.threshold_enabled=false".to_owned(),
        "network.host=127.0.0.1".to_owned(),
        format!("http.port={port}"),
        format!("transport.port={transport_port}"),
        format!("path.data={}", folder.join("data").display()),
        format!("path.logs={}", folder.join("logs").display()),
    ] {
        elasticsearch.arg("-E").arg(setting);
    }
    elasticsearch
        .env("ES_JAVA_HOME", java::home().context("no Java 17 to 21")?)
        .env("ES_JAVA_OPTS", [&[HEAP], java_options].concat().join(" "))
        .env("ES_PATH_CONF", &config)
        .env("ES_TMPDIR", folder.join("tmp"))
        .env_remove("JAVA_HOME")
        .current_dir(&folder);
    run.account.apply(&mut elasticsearch);
    let url = format!("http://127.0.0.1:{port}");
    let health = format!("{url}/_cluster/health");
    Ok(Native::new(NAME, elasticsearch, url, move || {
        http::answers(&health)
    }))
}

/// Files that are there already stay, the keystore among them.
fn copy_folder(account: &Account, from: &Path, to: &Path) -> Result<()> {
    account.make_private_folder(to)?;
    for entry in from
        .read_dir()
        .with_context(|| format!("cannot read {}", from.display()))?
    {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(account, &entry.path(), &target)?;
        } else if !target.exists() {
            fs::copy(entry.path(), &target)?;
            account.own(&target)?;
        }
    }
    Ok(())
}
