//! `cargo xtask up`: the whole system.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use stack::{DataFolder, Interrupt, Interrupted, Phase, Profile, Run, RunFiles, SYSTEM_RUN, State};

use crate::{UpOptions, console, demo, status};

const WATCH: Duration = Duration::from_millis(250);

pub fn up(options: &UpOptions, interrupt: &Interrupt) -> Result<ExitCode> {
    let files = RunFiles::new(SYSTEM_RUN);
    if let Some(code) = already_up(&files, options)? {
        return Ok(code);
    }
    stack::clean_up_remains()?;
    let lock = stack::lock(&files)?;
    if let Some(code) = already_up(&files, options)? {
        return Ok(code);
    }
    // A part of it may have ended by itself: what is left does not fit what is started now.
    stack::stop(
        &files,
        if options.fresh {
            DataFolder::Wiped
        } else {
            DataFolder::Kept
        },
    )?;
    stack::check_ports(options.ports())?;
    let progress = console::progress();
    let run = stack::begin_detached(files, progress.as_ref(), interrupt.clone())?;
    let started = start(&run, options);
    progress.close();
    let result = started.and_then(|()| {
        drop(lock);
        // What it shows may fail, and then the running system is what to look at.
        let shown = if options.demo {
            demo_on(&run.state())
        } else {
            Ok(())
        };
        if options.detach {
            eprintln!("`cargo xtask down` stops it");
            return Ok(shown);
        }
        shown.unwrap_or_else(|error| eprintln!("error: {error:#}"));
        eprintln!("Ctrl-C stops it");
        watch(&run).map(Ok)
    });
    if result.is_err() || !options.detach {
        eprintln!("stopping");
        stack::stop(&run.files, DataFolder::Kept)?;
    }
    match result {
        Err(error) if error.is::<Interrupted>() && run.state().phase == Phase::Ready => Ok(ExitCode::SUCCESS),
        result => result?.map(|()| ExitCode::SUCCESS),
    }
}

fn start(run: &Run<'_>, options: &UpOptions) -> Result<()> {
    let profile = if options.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let (servers, binaries) = stack::servers_and_binaries(run, options.servers.mode(), profile)?;
    stack::start_services(run, &servers, &binaries, options.ports())?;
    run.progress.close();
    run.interrupt.check()?;
    run.ready(options.detach)?;
    print_what_runs(&run.state());
    Ok(())
}

/// Says so when the system runs already, or is being started by somebody else.
fn already_up(files: &RunFiles, options: &UpOptions) -> Result<Option<ExitCode>> {
    let Some(state) = State::load(&files.state()) else {
        return Ok(None);
    };
    if state.phase == Phase::Starting && state.has_living_owner() {
        bail!("another process is starting it; see {}", files.logs().display());
    }
    if !state.is_usable() {
        if state.has_living_owner() {
            bail!("a part of it has ended; `cargo xtask down` stops the rest");
        }
        return Ok(None);
    }
    if options.fresh {
        bail!("it is up; `cargo xtask down` first, to start afresh");
    }
    eprintln!("it is up already");
    print_what_runs(&state);
    if options.demo {
        demo_on(&state)?;
    }
    Ok(Some(ExitCode::SUCCESS))
}

fn demo_on(state: &State) -> Result<()> {
    match (state.apis.get("command_api"), state.apis.get("query_api")) {
        (Some(command), Some(query)) => demo::show(command, query),
        _ => bail!("the APIs do not run"),
    }
}

/// Returns when something has ended by itself, or with [`Interrupted`].
fn watch(run: &Run<'_>) -> Result<()> {
    loop {
        run.interrupt.check()?;
        if let Some(name) = run.ended_process() {
            return Err(run.blame(&name, anyhow!("ended by itself")));
        }
        sleep(WATCH);
    }
}

fn print_what_runs(state: &State) {
    let none = String::new();
    let command = state.apis.get("command_api").unwrap_or(&none);
    let query = state.apis.get("query_api").unwrap_or(&none);
    println!(
        "
Everything is ready.

  open   {command}/docs         commands: customers, products, orders
         {query}/docs         queries: detail, lists, search
         {command}/healthcheck  and  {query}/healthcheck
  try    curl -i {command}/v1/products -H 'Content-Type: application/json' \\
           -d '{{\"name\": \"Lamp\", \"unit_price\": {{\"amount\": 1999, \"currency\": \"EUR\"}}}}'
         curl '{query}/v1/orders/search?q=lamp'
         cargo xtask up --demo          sample data, and one order's way through the system
  more   cargo xtask status             addresses of all servers
         {}
",
        RunFiles::new(SYSTEM_RUN).logs().display()
    );
    if status::running().is_none() {
        eprintln!("but a part of it has ended since; see its log");
    }
}
