//! Apache Kafka, natively: one broker that is its own controller.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::account::make_folder;
use crate::free_port;
use crate::maven::Cache;
use crate::probe;
use crate::run::Run;
use crate::servers::{START_LIMIT, java};

const NAME: &str = "kafka";
const HEAP_MB: u32 = 512;
/// Any UUID in Kafka's spelling: a cluster of one broker meets no other.
const CLUSTER_ID: &str = "b3JkZXJzLWNxcnMtc3RrMQ";

/// Starts it and waits until it answers a metadata request. Gives `host:port`.
pub fn start(run: &Run<'_>, cache: &Cache) -> Result<String> {
    run.progress.begin(NAME, "starting");
    make_folder(&run.data())?;
    let folder = run.data().join(NAME);
    let (port, controller_port) = (free_port()?, free_port()?);
    run.account.make_private_folder(&folder)?;
    let properties = folder.join("server.properties");
    fs::write(&properties, settings(&folder, port, controller_port))?;
    run.account.own(&properties)?;
    let class_path = format!("{}/*", cache.kafka().display());
    let java = || -> Result<_> {
        let mut java = java::command(run, HEAP_MB)?;
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        java.args(["-cp", &class_path]).current_dir(&folder);
        Ok(java)
    };
    if !folder.join("log/meta.properties").is_file() {
        run.progress.update(NAME, "formatting its storage");
        let mut format = java()?;
        format.args(java::QUICK_START);
        format
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(&properties);
        run.finish(NAME, &mut format)?;
    }
    let process = run.start(
        NAME,
        java()?.args(["-XX:+UseG1GC", "kafka.Kafka"]).arg(&properties),
    )?;
    let address = format!("127.0.0.1:{port}");
    run.await_ready(NAME, process, START_LIMIT, || probe::kafka(&address))?;
    run.progress.done(NAME, &format!("ready on {address}"));
    Ok(address)
}

fn settings(folder: &Path, port: u16, controller_port: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_loopback_only_and_makes_no_topics_by_itself() {
        let settings = settings(Path::new("/data"), 1, 2);
        assert!(settings.contains("\nlisteners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n"));
        assert!(settings.contains("\nauto.create.topics.enable=false\n"));
        assert!(settings.contains("\nlog.dirs=/data/log\n"));
    }
}
