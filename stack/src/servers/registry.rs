//! Apicurio Registry, natively, by its Confluent-compatible API.

use anyhow::Result;

use crate::account::make_folder;
use crate::free_port;
use crate::http;
use crate::maven::Cache;
use crate::native::Native;
use crate::run::Run;
use crate::servers::java;

const NAME: &str = "schema-registry";
const HEAP_MB: u32 = 256;
const API: &str = "apis/ccompat/v7";

/// Starts it and waits until it lists its subjects. Ids are kept in a file: they stand in every Kafka record.
pub fn start(run: &Run<'_>, cache: &Cache) -> Result<String> {
    run.progress.begin(NAME, "starting");
    let registry = prepare(run, cache)?;
    registry.start(run)?;
    run.progress
        .done(NAME, &format!("ready on {}", registry.address()));
    Ok(registry.address().to_owned())
}

/// Its address is that of its Confluent-compatible API.
pub fn prepare(run: &Run<'_>, cache: &Cache) -> Result<Native> {
    make_folder(&run.data())?;
    let folder = run.data().join(NAME);
    run.account.make_private_folder(&folder)?;
    let (program, jar) = cache.registry()?;
    let port = free_port()?;
    let mut registry = java::command(run, HEAP_MB)?;
    registry.args(java::QUICK_START);
    registry.arg(format!("-Djava.io.tmpdir={}", folder.display()));
    registry
        .args([
            "-Dquarkus.http.host=127.0.0.1",
            &format!("-Dquarkus.http.port={port}"),
            "-jar",
        ])
        .arg(jar);
    registry.env(
        "REGISTRY_DATASOURCE_URL",
        format!("jdbc:h2:file:{}/registry", folder.display()),
    );
    registry.current_dir(program);
    let url = format!("http://127.0.0.1:{port}/{API}");
    let subjects = format!("{url}/subjects");
    Ok(Native::new(NAME, registry, url, move || http::answers(&subjects)))
}
