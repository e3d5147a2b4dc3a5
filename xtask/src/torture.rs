//! `cargo xtask torture`: builds the services with fail points and the program that breaks them, and runs it. The program brings
//! its own servers and takes them away.

use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use stack::{DataFolder, Interrupt, ProcessIdentity, Profile, Run, Signal, workspace};

use crate::{console, exit_code};

const BINARIES: [&str; 3] = ["command-service", "query-service", "torture"];
const POLL: Duration = Duration::from_millis(50);

/// The services are those of `profile`: a release with fail points, or what tests have.
pub fn torture(arguments: &[String], profile: Profile, interrupt: &Interrupt) -> Result<ExitCode> {
    stack::clean_up_remains()?;
    let progress = console::progress();
    let run = stack::begin_own("torture-build", progress.as_ref(), interrupt.clone())?;
    let built = build(&run, profile);
    progress.close();
    stack::stop(&run.files, DataFolder::Wiped)?;
    built?;
    let path = workspace::built("torture", profile);
    let binaries = path.parent().context("a binary is in a folder")?;
    let mut program = Command::new(&path);
    program
        .args(arguments)
        .arg("--binaries")
        .arg(binaries)
        .current_dir(workspace::root())
        .stdin(Stdio::null());
    let status = attend(&mut program, interrupt)?;
    Ok(exit_code(status))
}

fn build(run: &Run<'_>, profile: Profile) -> Result<()> {
    stack::install_build_packages(run)?;
    run.progress.close();
    let mut cargo = workspace::cargo_build(profile, &BINARIES);
    let status = run.finish_visibly("build", &mut cargo)?;
    if !status.success() {
        bail!("building failed");
    }
    Ok(())
}

/// Until it ends by itself: told to stop, it takes everything down that it has started, however long that takes.
fn attend(program: &mut Command, interrupt: &Interrupt) -> Result<ExitStatus> {
    interrupt.check()?;
    let mut child = program
        .spawn()
        .with_context(|| format!("cannot run {}", program.get_program().to_string_lossy()))?;
    let mut is_told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt.is_raised() && !is_told {
            if let Some(identity) = ProcessIdentity::of(child.id()) {
                identity.signal(Signal::SIGTERM);
            }
            is_told = true;
        }
        sleep(POLL);
    }
}
