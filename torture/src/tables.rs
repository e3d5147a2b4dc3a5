//! What is printed of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use checker::History;
use checker::history::{Answer, Call, Read};

use crate::faults::{FaultKind, Injected};
use crate::run::Found;

pub fn of_faults(kinds: &[FaultKind]) -> String {
    let mut list = String::new();
    for kind in kinds {
        let alone = if kind.alone { " (alone)" } else { "" };
        // Into a string nothing fails.
        _ = writeln!(list, "{:<32} {}{alone}", kind.name, kind.about);
    }
    list
}

/// As it ends.
pub fn of_a_fault(one: &Injected) -> String {
    let mut line = format!("    {}", one.name);
    if !one.detail.is_empty() {
        _ = write!(line, ", {}", one.detail);
    }
    if let Some(reason) = &one.left_out {
        _ = write!(line, ": left out: {reason}");
    }
    if let Some(after) = one.recovered_after {
        _ = write!(line, ": overcome after {after:.2?}");
    }
    for violation in &one.violations {
        _ = write!(line, "\n      VIOLATION: {violation}");
    }
    line
}

/// Requests, faults, memory, invariants.
pub fn of_a_run(found: &Found) -> String {
    let mut text = requests(&found.history, found.lasted);
    text.push('\n');
    text.push_str(&faults(&found.injected));
    text.push_str("\nmemory of a process at most\n");
    for (role, peak) in found.memory.peaks() {
        _ = writeln!(
            text,
            "{role:<32} {:>6} MiB   {} processes",
            peak.kib / 1_024,
            peak.processes
        );
    }
    text.push('\n');
    text.push_str(&found.report.table());
    text
}

fn requests(history: &History, lasted: Duration) -> String {
    let mut text = String::new();
    let calls = history.calls.iter().map(outcome_of_call);
    let reads = history.reads.iter().map(outcome_of_read);
    let seconds = lasted.as_secs_f64().max(0.001);
    for (what, outcomes) in [("commands", counted(calls)), ("queries", counted(reads))] {
        let total: usize = outcomes.values().sum();
        _ = writeln!(text, "{what}: {total}, {:.1} a second", total as f64 / seconds);
        for (outcome, count) in outcomes {
            _ = writeln!(text, "    {outcome:<40} {count:>8}");
        }
    }
    text
}

fn counted(outcomes: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome).or_default() += 1;
    }
    counts
}

fn outcome_of_call(call: &Call) -> String {
    match &call.answer {
        Answer::Ok { .. } => "done".to_owned(),
        Answer::Accepted { .. } => "accepted, to be decided later".to_owned(),
        Answer::Refused { status, problem, .. } => format!("{status} {}", last(problem)),
        Answer::Unknown { .. } => "unknown: no answer".to_owned(),
    }
}

fn outcome_of_read(read: &Read) -> String {
    match (read.status, &read.problem) {
        (None, _) => "no answer".to_owned(),
        (Some(status), None) => status.to_string(),
        (Some(status), Some(problem)) => format!("{status} {}", last(problem)),
    }
}

fn last(problem: &str) -> &str {
    problem.rsplit('/').next().unwrap_or_default()
}

fn faults(injected: &[Injected]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&Injected>> = BTreeMap::new();
    for one in injected {
        kinds.entry(one.name).or_default().push(one);
    }
    let done = injected.iter().filter(|one| one.left_out.is_none()).count();
    let mut text = format!(
        "faults: {done} of {} kinds\n    {:<32} {:>5} {:>9} {:>9} {:>7} {:>10}\n",
        kinds.len(),
        "",
        "times",
        "p50",
        "max",
        "goal",
        "violations"
    );
    for (name, of) in kinds {
        let mut recoveries: Vec<Duration> = of.iter().filter_map(|one| one.recovered_after).collect();
        recoveries.sort();
        let goal = of.first().map_or(Duration::ZERO, |one| one.goal);
        let half = recoveries.get(recoveries.len() / 2).copied();
        let most = recoveries.last().copied();
        let violations: usize = of.iter().map(|one| one.violations.len()).sum();
        _ = write!(
            text,
            "    {name:<32} {:>5} {:>9} {:>9} {:>7} {violations:>10}",
            of.len(),
            shown(half),
            shown(most),
            format!("{} s", goal.as_secs()),
        );
        if most > Some(goal) {
            text.push_str("   over its goal");
        }
        if let Some(reason) = of.iter().find_map(|one| one.left_out.as_ref()) {
            _ = write!(text, "   left out: {reason}");
        }
        text.push('\n');
    }
    text
}

fn shown(duration: Option<Duration>) -> String {
    duration.map_or("-".to_owned(), |duration| {
        format!("{:.2} s", duration.as_secs_f64())
    })
}
