//! Tests, full-size tests, the bench and the lints. All but the lints run on servers of their own, which are gone afterwards.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Result, bail};
use stack::{Binaries, DataFolder, Interrupt, Mode, Profile, Run, Servers, workspace};

use crate::{PassOnOptions, TestOptions, console, exit_code, torture};

/// A program of cargo's with what its log and its failure are called.
struct Step {
    name: &'static str,
    command: Command,
}

pub fn test(options: &TestOptions, interrupt: &Interrupt) -> Result<ExitCode> {
    let is_whole = options.filters.is_empty() && options.package.is_empty();
    if is_whole {
        check_formatting()?;
    }
    let mut arguments = vec!["test", "--no-fail-fast"];
    if options.package.is_empty() {
        arguments.push("--workspace");
    }
    for package in &options.package {
        arguments.extend(["--package", package]);
    }
    arguments.push("--");
    arguments.extend(options.filters.iter().map(String::as_str));
    let before = if options.lint { lints() } else { Vec::new() };
    let tested = on_servers(
        "check",
        options.servers.mode(),
        Profile::Test,
        interrupt,
        before,
        cargo("test", &arguments),
    )?;
    // It breaks servers, so that it brings its own; those of the tests are gone by now, and leave it their memory.
    let own_servers = matches!(options.servers.mode(), None | Some(Mode::Native));
    match is_whole && own_servers && tested == ExitCode::SUCCESS {
        true => torture::torture(&["--short".to_owned()], Profile::Test, interrupt),
        false => Ok(tested),
    }
}

pub fn accept(options: &PassOnOptions, interrupt: &Interrupt) -> Result<ExitCode> {
    // The services are a release build (`Profile::Release`); the tests that drive them need none, and are built already.
    let mut arguments = vec!["test", "--workspace", "--test", "accept", "--"];
    // One after the other: each wants the whole machine.
    arguments.extend(["--ignored", "--nocapture", "--test-threads=1"]);
    arguments.extend(options.arguments.iter().map(String::as_str));
    let program = cargo("accept", &arguments);
    on_servers(
        "accept",
        options.servers.mode(),
        Profile::Release,
        interrupt,
        Vec::new(),
        program,
    )
}

pub fn bench(options: &PassOnOptions, interrupt: &Interrupt) -> Result<ExitCode> {
    let build = cargo("build", &["build", "--release", "--workspace", "--bin", "bench"]);
    let mut command = Command::new(workspace::built("bench", Profile::Release));
    command.args(&options.arguments).current_dir(workspace::root());
    let program = Step {
        name: "bench",
        command,
    };
    on_servers(
        "bench",
        options.servers.mode(),
        Profile::Release,
        interrupt,
        vec![build],
        program,
    )
}

pub fn lint(interrupt: &Interrupt) -> Result<ExitCode> {
    check_formatting()?;
    let progress = console::progress();
    let run = stack::begin_own("lint", progress.as_ref(), interrupt.clone())?;
    let result = stack::install_build_packages(&run)
        .and_then(|()| lints().into_iter().try_for_each(|step| must_succeed(&run, step)));
    progress.close();
    stack::stop(&run.files, DataFolder::Wiped)?;
    result.map(|()| ExitCode::SUCCESS)
}

/// Brings servers, builds the services, runs `before` and then the program, and stops everything, whatever came of it. The
/// program's exit code is the answer.
fn on_servers(
    kind: &str,
    mode: Option<Mode>,
    profile: Profile,
    interrupt: &Interrupt,
    before: Vec<Step>,
    program: Step,
) -> Result<ExitCode> {
    stack::clean_up_remains()?;
    let progress = console::progress();
    let run = stack::begin_own(kind, progress.as_ref(), interrupt.clone())?;
    let result = attempt(&run, mode, profile, before, program);
    progress.close();
    stack::stop(&run.files, DataFolder::Wiped)?;
    let status = result?;
    if !status.success() {
        eprintln!("logs of the servers: {}", run.files.logs().display());
    }
    Ok(exit_code(status))
}

fn attempt(
    run: &Run<'_>,
    mode: Option<Mode>,
    profile: Profile,
    before: Vec<Step>,
    mut program: Step,
) -> Result<ExitStatus> {
    let (servers, binaries) = stack::servers_and_binaries(run, mode, profile)?;
    run.ready(false)?;
    run.progress.close();
    before.into_iter().try_for_each(|step| must_succeed(run, step))?;
    hand_over(&mut program.command, &servers, &binaries);
    run.finish_visibly(program.name, &mut program.command)
}

/// The variables by which tests and the bench find servers, binaries, and PostgreSQL's own programs.
fn hand_over(command: &mut Command, servers: &Servers, binaries: &Binaries) {
    command
        .env("DATABASE_URL", &servers.postgres)
        .env("DATABASE_OWNER_URL", &servers.postgres_owner)
        .env("KAFKA_BOOTSTRAP_SERVERS", &servers.kafka)
        .env("SCHEMA_REGISTRY_URL", &servers.schema_registry)
        .env("ELASTICSEARCH_URL", &servers.elasticsearch)
        .env("COMMAND_SERVICE_BIN", &binaries.command_service)
        .env("QUERY_SERVICE_BIN", &binaries.query_service);
    if let Some(folder) = stack::postgres_programs()
        && let Ok(path) = with_folder(&folder)
    {
        command.env("PATH", path);
    }
}

fn with_folder(folder: &Path) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(
        env::split_paths(&path).chain([folder.to_path_buf()]),
    )?)
}

fn must_succeed(run: &Run<'_>, mut step: Step) -> Result<()> {
    let status = run.finish_visibly(step.name, &mut step.command)?;
    if !status.success() {
        bail!("{} failed", step.name);
    }
    Ok(())
}

/// Takes a second and needs nothing, so it comes first. Not done where the toolchain has no rustfmt.
fn check_formatting() -> Result<()> {
    if is_installed("fmt")
        && !cargo("formatting", &["fmt", "--all", "--check"])
            .command
            .status()?
            .success()
    {
        bail!("`cargo fmt --all` would change something");
    }
    Ok(())
}

fn lints() -> Vec<Step> {
    let mut documentation = cargo(
        "documentation",
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--quiet",
        ],
    );
    documentation.command.env("RUSTDOCFLAGS", "-D warnings");
    let clippy = is_installed("clippy").then(|| {
        cargo(
            "clippy",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ],
        )
    });
    clippy.into_iter().chain([documentation]).collect()
}

fn is_installed(component: &str) -> bool {
    let mut version = workspace::cargo();
    version
        .args([component, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let installed = version.status().is_ok_and(|status| status.success());
    if !installed {
        eprintln!("not checked: cargo {component} is not installed");
    }
    installed
}

fn cargo(name: &'static str, arguments: &[&str]) -> Step {
    let mut command = workspace::cargo();
    command.args(arguments);
    Step { name, command }
}
