//! `command-service verify`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::republish::{INTERRUPTED, say, stop_on_signal};
use crate::cli::VerifyArguments;
use crate::outbound::postgres::PgAudit;
use crate::settings::Settings;
use crate::verification::{self, Bounds, Finding, Kind, Report};

const SHOW_PROGRESS: Duration = Duration::from_secs(2);

/// Looks through the store and prints what it found. Ends with 0 when that is nothing, 1 when it is something, 130 when
/// told to stop.
pub async fn verify(arguments: &VerifyArguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone())?);
    let bounds = Bounds {
        outbox_older_than: TimeDelta::from_std(arguments.outbox_older_than).context("--outbox-older-than")?,
        follow_up_within: TimeDelta::from_std(arguments.invoice_within).context("--invoice-within")?,
    };
    let audit = PgAudit::open(&settings.database)?;
    let began = Instant::now();
    let records = stop.run_until_cancelled(audit.records(bounds)).await;
    let Some(records) = records.transpose()? else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let archive = Arc::new(audit.into_archive().await?);
    let mut shown = Instant::now();
    let shows = std::io::stderr().is_terminal();
    let report = verification::verify(archive, records, bounds, &stop, |report| {
        if shows && shown.elapsed() >= SHOW_PROGRESS {
            shown = Instant::now();
            say(&format!(
                "{} streams, {} events, {} findings",
                report.streams,
                report.events,
                report.findings.len()
            ));
        }
    })
    .await?;
    signals.abort();
    match arguments.json {
        true => println!("{}", json(&report)),
        false => print_table(&report, began.elapsed()),
    }
    Ok(match (report.stopped, report.findings.is_empty()) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

fn json(report: &Report) -> serde_json::Value {
    serde_json::json!({
        "findings": report.findings,
        "checked": {
            "streams": report.streams,
            "events": report.events,
            "commands": report.commands,
            "outbox_rows": report.outbox_rows,
            "queued_commands": report.queued,
            "idempotency_keys": report.keys,
            "numbers": report.numbers,
        },
        "complete": !report.stopped,
    })
}

fn print_table(report: &Report, took: Duration) {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| (finding.kind, finding.aggregate.clone(), finding.stream));
    for finding in &findings {
        let stream = match (&finding.aggregate, finding.stream) {
            (Some(aggregate), Some(id)) => format!("{aggregate}:{id}"),
            _ => "-".to_owned(),
        };
        let version = finding
            .version
            .map_or("-".to_owned(), |version| version.to_string());
        println!(
            "{:<22} {stream:<58} {version:>6}  {}",
            finding.kind.as_str(),
            finding.explanation
        );
    }
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        println!("{count} × {}", kind.as_str());
    }
    println!(
        "checked {} streams, {} events, {} commands, {} outbox rows, {} queued commands, {} idempotency keys, {} numbers \
         in {:.1} s: {}",
        report.streams,
        report.events,
        report.commands,
        report.outbox_rows,
        report.queued,
        report.keys,
        report.numbers,
        took.as_secs_f64(),
        match (report.stopped, report.findings.len()) {
            (true, _) => "stopped before the end".to_owned(),
            (false, 0) => "nothing breaks an invariant".to_owned(),
            (false, findings) => format!("{findings} findings"),
        }
    );
}
