//! `checker FILE`: reads a recorded history, prints what was held against each invariant and what breaks it. Ends with 1 where
//! something does.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use checker::History;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: checker FILE");
    };
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let history = History::read(BufReader::with_capacity(1 << 20, file))?;
    let report = checker::check(&history);
    print!("{report}");
    Ok(match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
