//! Starting whole runs: who owns them, what is left from a launcher that died, and the services on top of the servers.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::external;
use crate::identity::ProcessIdentity;
use crate::interrupt::Interrupt;
use crate::packages::{self, Need};
use crate::places::RunFiles;
use crate::port::is_free;
use crate::progress::Progress;
use crate::run::Run;
use crate::servers::{Mode, Plan, the_cause};
use crate::state::{Servers, State};
use crate::stopping::{self, DataFolder};
use crate::{http, probe, schemas, service, workspace};

/// The run of `cargo xtask up`, which keeps its data.
pub const SYSTEM_RUN: &str = "up";

const SERVICE_LIMIT: Duration = Duration::from_secs(120);
/// How many runs of one kind may stand beside each other.
const RUNS_OF_A_KIND: u32 = 20;

/// The two services' binaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub command_service: PathBuf,
    pub query_service: PathBuf,
}

/// The ports of the two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiPorts {
    pub command: u16,
    pub query: u16,
}

/// What kind of build the services are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
    /// As cargo builds them for tests: with fail points.
    Test,
    /// A release with fail points, in a folder of its own.
    Torture,
}

/// Begins a run that stays when this process ends. Until it is ready this process counts as its owner.
pub fn begin_detached<'a>(
    files: RunFiles,
    progress: &'a dyn Progress,
    interrupt: Interrupt,
) -> Result<Run<'a>> {
    Run::begin(files, ProcessIdentity::of_this_process(), progress, interrupt)
}

/// Begins a run that this process looks after, in the first folder of that kind that no other process uses.
pub fn begin_own<'a>(kind: &str, progress: &'a dyn Progress, interrupt: Interrupt) -> Result<Run<'a>> {
    for number in 1..=RUNS_OF_A_KIND {
        let files = RunFiles::new(if number == 1 {
            kind.to_owned()
        } else {
            format!("{kind}-{number}")
        });
        let _lock = stopping::lock(&files)?;
        if State::load(&files.state()).is_some_and(|state| state.has_living_owner()) {
            continue;
        }
        stopping::stop(&files, DataFolder::Wiped)?;
        return Run::begin(files, ProcessIdentity::of_this_process(), progress, interrupt);
    }
    bail!("{RUNS_OF_A_KIND} runs of {kind} are going on already")
}

/// Stops what launchers left behind that were killed themselves, and drops logs of tests that have ended.
pub fn clean_up_remains() -> Result<()> {
    service::remove_old_logs();
    for files in RunFiles::all() {
        let is_abandoned =
            |state: &State| state.owner.is_some_and(|owner| !owner.is_alive()) || state.owns_nothing_alive();
        if State::load(&files.state()).is_none_or(|state| is_abandoned(&state)) {
            let _lock = stopping::lock(&files)?;
            // Somebody may have begun it anew while the lock was awaited.
            if State::load(&files.state()).is_none_or(|state| is_abandoned(&state)) {
                let data = if files.name == SYSTEM_RUN {
                    DataFolder::Kept
                } else {
                    DataFolder::Wiped
                };
                stopping::stop(&files, data)?;
            }
        }
    }
    Ok(())
}

/// Fails when something else listens where an API should.
pub fn check_ports(ports: ApiPorts) -> Result<()> {
    for (port, api, option) in [
        (ports.command, "command", "--command-port"),
        (ports.query, "query", "--query-port"),
    ] {
        if !is_free(port) {
            bail!("port {port} of the {api} API is taken; free it or choose another with {option}");
        }
    }
    if ports.command == ports.query {
        bail!("both APIs cannot have port {}", ports.command);
    }
    Ok(())
}

/// What cargo needs to build every crate.
pub fn install_build_packages(run: &Run<'_>) -> Result<()> {
    packages::ensure(run, &Need::BUILD)
}

/// Gets the servers and builds the services, both at once.
pub fn servers_and_binaries(
    run: &Run<'_>,
    mode: Option<Mode>,
    profile: Profile,
) -> Result<(Servers, Binaries)> {
    let plan = Plan::make(mode)?;
    let needs: Vec<Need> = Need::BUILD.into_iter().chain(plan.needs()).collect();
    packages::ensure(run, &needs)?;
    thread::scope(|scope| {
        let build = scope.spawn(|| build(run, profile).inspect_err(|_| run.interrupt.raise()));
        let servers = plan.start(run).inspect_err(|_| run.interrupt.raise());
        let built = build.join().map_err(|_| anyhow!("building panicked"))?;
        match (servers, built) {
            (Ok(servers), Ok(binaries)) => Ok((servers, binaries)),
            (servers, built) => Err(the_cause([servers.err(), built.err()])),
        }
    })
}

fn build(run: &Run<'_>, profile: Profile) -> Result<Binaries> {
    const PART: &str = "build";
    run.progress.begin(PART, "building the services");
    let mut cargo = workspace::cargo_build(profile, &["command-service", "query-service"]);
    let mut shown = String::new();
    run.finish_watched(PART, &mut cargo, |log| {
        let line = crate::log::last_line(log);
        if line != shown {
            run.progress.update(PART, line.trim());
            shown = line;
        }
    })?;
    run.progress.done(PART, "the services are built");
    Ok(Binaries {
        command_service: workspace::built("command-service", profile),
        query_service: workspace::built("query-service", profile),
    })
}

/// Prepares the servers and starts both services with all roles. Returns when both are ready.
pub fn start_services(run: &Run<'_>, servers: &Servers, binaries: &Binaries, ports: ApiPorts) -> Result<()> {
    const PART: &str = "setup";
    run.progress.begin(PART, "tables, topics, indices, schemas");
    let results = thread::scope(|scope| {
        let command = scope.spawn(|| {
            run.finish(
                "command-service-setup",
                command_service(servers, binaries, ports).arg("setup"),
            )
        });
        let query = scope.spawn(|| {
            run.finish(
                "query-service-setup",
                query_service(servers, binaries, ports).arg("setup"),
            )
        });
        let schemas = scope.spawn(|| schemas::register(&servers.schema_registry, "").map(|_| ()));
        [command, query, schemas].map(|handle| handle.join().map_err(|_| anyhow!("setup panicked")).flatten())
    });
    if results.iter().any(Result::is_err) {
        return Err(the_cause(results.map(Result::err)));
    }
    run.progress.done(PART, "done");
    for (name, mut command, port, api) in [
        (
            "command-service",
            command_service(servers, binaries, ports),
            ports.command,
            "command_api",
        ),
        (
            "query-service",
            query_service(servers, binaries, ports),
            ports.query,
            "query_api",
        ),
    ] {
        run.progress.begin(name, "starting");
        run.start(name, command.arg("all"))?;
        run.change(|state| {
            state
                .apis
                .insert(api.to_owned(), format!("http://127.0.0.1:{port}"));
        })?;
    }
    for process in run.state().processes {
        let port = match process.name.as_str() {
            "command-service" => ports.command,
            "query-service" => ports.query,
            _ => continue,
        };
        let url = format!("http://127.0.0.1:{port}");
        let ready = || http::answers(&format!("{url}/health/ready"));
        run.await_ready(&process.name, process.identity, SERVICE_LIMIT, ready)?;
        run.progress.done(&process.name, &format!("ready on {url}"));
    }
    Ok(())
}

fn command_service(servers: &Servers, binaries: &Binaries, ports: ApiPorts) -> Command {
    let mut command = Command::new(&binaries.command_service);
    command
        .env("COMMAND_SERVICE__HTTP__HOST", "127.0.0.1")
        .env("COMMAND_SERVICE__HTTP__PORT", ports.command.to_string())
        .env("COMMAND_SERVICE__DATABASE__URL", &servers.postgres)
        .env("COMMAND_SERVICE__DATABASE__OWNER_URL", &servers.postgres_owner)
        .env("COMMAND_SERVICE__KAFKA__BOOTSTRAP_SERVERS", &servers.kafka)
        .env("COMMAND_SERVICE__SCHEMA_REGISTRY__URL", &servers.schema_registry)
        .current_dir(workspace::root());
    command
}

fn query_service(servers: &Servers, binaries: &Binaries, ports: ApiPorts) -> Command {
    let mut command = Command::new(&binaries.query_service);
    command
        .env("QUERY_SERVICE__HTTP__HOST", "127.0.0.1")
        .env("QUERY_SERVICE__HTTP__PORT", ports.query.to_string())
        .env("QUERY_SERVICE__ELASTICSEARCH__URL", &servers.elasticsearch)
        .env("QUERY_SERVICE__KAFKA__BOOTSTRAP_SERVERS", &servers.kafka)
        .env("QUERY_SERVICE__SCHEMA_REGISTRY__URL", &servers.schema_registry)
        .current_dir(workspace::root());
    command
}

/// Whether every server answers now.
pub fn answer(servers: &Servers) -> bool {
    external::address(&servers.postgres_owner).is_ok_and(|address| probe::postgres(&address))
        && servers.kafka.split(',').any(probe::kafka)
        && http::answers(&format!("{}/subjects", servers.schema_registry))
        && http::answers(&format!("{}/_cluster/health", servers.elasticsearch))
}

/// Ends the launcher that looks after a run in the foreground, if there is one, and stops what remains. True when anything ran.
pub fn take_down(files: &RunFiles, data: DataFolder) -> Result<bool> {
    let owner = State::load(&files.state())
        .and_then(|state| state.owner)
        .filter(ProcessIdentity::is_alive);
    if let Some(owner) = owner {
        owner.signal(nix::sys::signal::Signal::SIGTERM);
        Interrupt::default()
            .poll(SERVICE_LIMIT, || Ok((!owner.is_alive()).then_some(())))
            .with_context(|| format!("the launcher, process {}, does not stop", owner.pid))?;
    }
    let _lock = stopping::lock(files)?;
    Ok(stopping::stop(files, data)? || owner.is_some())
}
