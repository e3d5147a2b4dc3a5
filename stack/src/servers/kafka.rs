//! Apache Kafka, natively: brokers that are controllers, too.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::account::make_folder;
use crate::free_port;
use crate::maven::Cache;
use crate::native::Native;
use crate::probe;
use crate::run::Run;
use crate::servers::java;

const NAME: &str = "kafka";
const HEAP_MB: u32 = 512;
/// Any UUID in Kafka's spelling: a cluster of a run meets no other.
const CLUSTER_ID: &str = "b3JkZXJzLWNxcnMtc3RrMQ";

/// Starts one broker and waits until it answers a metadata request. Gives `host:port`.
pub fn start(run: &Run<'_>, cache: &Cache) -> Result<String> {
    run.progress.begin(NAME, "starting");
    let broker = prepare(run, cache, 1)?.pop().context("no broker")?;
    broker.start(run)?;
    run.progress.done(NAME, &format!("ready on {}", broker.address()));
    Ok(broker.address().to_owned())
}

/// Brokers of one cluster, on ports and folders of their own; with three, one may be lost: everything is kept three times and
/// acknowledged by two.
pub fn prepare(run: &Run<'_>, cache: &Cache, brokers: u16) -> Result<Vec<Native>> {
    make_folder(&run.data())?;
    let ports: Vec<(u16, u16)> = (0..brokers)
        .map(|_| Ok((free_port()?, free_port()?)))
        .collect::<Result<_>>()?;
    (1..=brokers)
        .zip(&ports)
        .map(|(id, (port, _))| {
            let name = match brokers {
                1 => NAME.to_owned(),
                _ => format!("{NAME}-{id}"),
            };
            let command = broker(run, cache, &name, id, &ports)?;
            let address = format!("127.0.0.1:{port}");
            Ok(Native::new(name, command, address.clone(), move || {
                probe::kafka(&address)
            }))
        })
        .collect()
}

/// The command of one broker, whose storage is formatted if need be.
fn broker(run: &Run<'_>, cache: &Cache, name: &str, id: u16, ports: &[(u16, u16)]) -> Result<Command> {
    let folder = run.data().join(name);
    run.account.make_private_folder(&folder)?;
    let properties = folder.join("server.properties");
    fs::write(&properties, settings(&folder, id, ports))?;
    run.account.own(&properties)?;
    let class_path = format!("{}/*", cache.kafka().display());
    let java = || -> Result<_> {
        let mut java = java::command(run, HEAP_MB)?;
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        java.args(["-cp", &class_path]).current_dir(&folder);
        Ok(java)
    };
    if !folder.join("log/meta.properties").is_file() {
        run.progress.update(name, "formatting its storage");
        let mut format = java()?;
        format.args(java::QUICK_START);
        format
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(&properties);
        run.finish(name, &mut format)?;
    }
    let mut command = java()?;
    if ports.len() > 1 {
        // Those of a cluster share one machine, and are killed and started again.
        command.args(&java::QUICK_START[..1]);
    }
    command.args(["-XX:+UseG1GC", "kafka.Kafka"]).arg(&properties);
    Ok(command)
}

/// `ports` of every broker, for clients and for the controllers.
fn settings(folder: &Path, id: u16, ports: &[(u16, u16)]) -> String {
    let (port, controller_port) = ports
        .get(usize::from(id).saturating_sub(1))
        .copied()
        .unwrap_or_default();
    let voters: Vec<String> = (1..)
        .zip(ports)
        .map(|(id, (_, controller_port))| format!("{id}@127.0.0.1:{controller_port}"))
        .collect();
    let copies = ports.len().min(3);
    let acknowledging = copies.div_ceil(2);
    format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}/log
min.insync.replicas={acknowledging}
broker.session.timeout.ms={}
broker.heartbeat.interval.ms=500
num.recovery.threads.per.data.dir=4
log.index.size.max.bytes=1048576
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=10
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={acknowledging}
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={acknowledging}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
",
        voters.join(","),
        folder.display(),
        // A broker alone that is held up has nobody to give its partitions to.
        if ports.len() > 1 { 5_000 } else { 9_000 },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_listens_on_loopback_only_and_makes_no_topics_by_itself() {
        let settings = settings(Path::new("/data"), 1, &[(1, 2)]);
        assert!(settings.contains("\nlisteners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n"));
        assert!(settings.contains("\nauto.create.topics.enable=false\n"));
        assert!(settings.contains("\nlog.dirs=/data/log\n"));
    }

    #[test]
    fn one_of_three_brokers_may_be_lost() {
        let settings = settings(Path::new("/data"), 2, &[(1, 2), (3, 4), (5, 6)]);
        assert!(settings.contains("\nnode.id=2\n"));
        assert!(settings.contains("\ncontroller.quorum.voters=1@127.0.0.1:2,2@127.0.0.1:4,3@127.0.0.1:6\n"));
        assert!(settings.contains("\nlisteners=PLAINTEXT://127.0.0.1:3,CONTROLLER://127.0.0.1:4\n"));
        assert!(settings.contains("\nmin.insync.replicas=2\n"));
        assert!(settings.contains("\noffsets.topic.replication.factor=3\n"));
    }
}
