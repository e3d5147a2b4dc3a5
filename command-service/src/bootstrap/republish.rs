//! `command-service republish`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::application::ports::{BUCKETS, EventTopics as _, Ids as _};
use crate::cli::RepublishArguments;
use crate::outbound::kafka::{KafkaPublisher, KafkaTopics, SchemaIds};
use crate::outbound::postgres::{Database, PgEventArchive, PgLeases, PgOutbox, PgRepublishRuns, Relays};
use crate::outbound::system::TimeOrderedIds;
use crate::republishing::{
    Ports, RepublishError, Republisher, RunProgress, RunSummary, Start, StreamRequest, StreamsSummary,
};
use crate::settings::Settings;

/// Of a run that a signal ended.
pub(super) const INTERRUPTED: u8 = 130;

type Production = Republisher<PgEventArchive, PgLeases<Relays>, PgOutbox, KafkaPublisher>;

/// Sends events again and says what it did. Ends with 0 when all was sent, 1 when something was not, 130 when told to stop.
pub async fn republish(arguments: &RepublishArguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone())?);
    let database = Database::open(&settings.database)?;
    let schemas = SchemaIds::new(&settings.schema_registry, &settings.kafka.topic_prefix)?;
    let publisher = Arc::new(KafkaPublisher::new(&settings.kafka, schemas)?);
    let mut republishing = settings.republishing.clone();
    republishing.rate = arguments.rate.unwrap_or(republishing.rate);
    let ports = Ports {
        archive: Arc::new(PgEventArchive::new(database.clone())),
        leases: Arc::new(PgLeases::<Relays>::new(
            database.clone(),
            settings.relay.lease_ttl,
        )),
        outbox: Arc::new(PgOutbox::new(database.clone())),
        publisher: Arc::clone(&publisher),
    };
    let republisher = Republisher::new(
        ports,
        TimeOrderedIds.next(),
        republishing,
        settings.relay.lease_ttl,
        stop,
    );
    let topics = KafkaTopics::new(&settings.kafka);
    let outcome = match (arguments.dry_run, arguments.stream.is_empty()) {
        (true, _) => dry_run(arguments, &republisher, &topics).await,
        (false, true) => all(arguments, &republisher, &topics, database).await,
        (false, false) => streams(arguments, &republisher, &topics).await,
    };
    publisher.close().await;
    signals.abort();
    Ok(outcome?)
}

pub(super) fn stop_on_signal(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        say(&"stopping after what is in work");
        stop.cancel();
    })
}

async fn dry_run(
    arguments: &RepublishArguments,
    republisher: &Production,
    topics: &KafkaTopics,
) -> Result<ExitCode, RepublishError> {
    let missing = topics
        .missing(&kinds(arguments))
        .await
        .map_err(RepublishError::Topics)?;
    for topic in missing {
        println!("would make the topic {topic}");
    }
    if arguments.stream.is_empty() {
        for (aggregate, streams) in republisher.count_streams(arguments.aggregate).await? {
            println!(
                "would send {streams} streams of {aggregate} to {}",
                aggregate.topic()
            );
        }
    }
    for stream in &arguments.stream {
        println!(
            "would send {} {} to {}",
            stream.aggregate,
            stream.id,
            stream.aggregate.topic()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn kinds(arguments: &RepublishArguments) -> Vec<shared_events::AggregateType> {
    match arguments.aggregate {
        Some(aggregate) => vec![aggregate],
        None if arguments.all => shared_events::AggregateType::ALL.to_vec(),
        None => arguments.stream.iter().map(|stream| stream.aggregate).collect(),
    }
}

async fn streams(
    arguments: &RepublishArguments,
    republisher: &Production,
    topics: &KafkaTopics,
) -> Result<ExitCode, RepublishError> {
    let missing = topics
        .missing(&kinds(arguments))
        .await
        .map_err(RepublishError::Topics)?;
    if !missing.is_empty() {
        return Err(RepublishError::TopicsMissing(missing));
    }
    let requests: Vec<_> = arguments
        .stream
        .iter()
        .map(|stream| StreamRequest {
            stream: *stream,
            from_version: 1,
        })
        .collect();
    let summary = republisher.republish_streams(&requests).await?;
    let StreamsSummary {
        sent,
        events,
        unknown,
        stopped,
    } = &summary;
    println!("sent {sent} streams with {events} events again");
    for stream in unknown {
        println!("{} {} has no events", stream.aggregate, stream.id);
    }
    Ok(match (stopped, unknown.is_empty()) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

async fn all(
    arguments: &RepublishArguments,
    republisher: &Production,
    topics: &KafkaTopics,
    database: Database,
) -> Result<ExitCode, RepublishError> {
    let start = match arguments.resume {
        true => Start::Resumed,
        false => Start::Anew,
    };
    let began = Instant::now();
    let mut progress = ProgressLine::new();
    let summary = republisher
        .republish_all(
            arguments.aggregate,
            start,
            topics,
            &PgRepublishRuns::new(database),
            &TimeOrderedIds,
            |reached| progress.show(reached),
        )
        .await?;
    progress.end();
    print_summary(&summary, start, began.elapsed());
    Ok(match summary.stopped {
        true => ExitCode::from(INTERRUPTED),
        false => ExitCode::SUCCESS,
    })
}

fn print_summary(summary: &RunSummary, start: Start, took: Duration) {
    for topic in &summary.made_topics {
        println!("the topic {topic} was not there and was made");
    }
    let run = &summary.run;
    if start == Start::Resumed {
        println!(
            "went on with run {}, begun {}",
            run.id,
            run.started_at.to_rfc3339()
        );
    }
    println!(
        "run {}: {} streams with {} events sent again, {} of {BUCKETS} buckets finished, {:.1} s",
        run.id,
        summary.streams(),
        summary.events(),
        run.buckets.iter().filter(|bucket| bucket.finished).count(),
        took.as_secs_f64()
    );
    if summary.leases_lost > 0 {
        println!(
            "{} times a bucket went to somebody else in mid-work; its streams were sent anew",
            summary.leases_lost
        );
    }
    if summary.stopped {
        println!("stopped before the end: go on with the same arguments and --resume");
    }
}

/// One line that is written over on a terminal, and now and then a line elsewhere.
struct ProgressLine {
    began: Instant,
    shown: Instant,
    every: Duration,
    on_terminal: bool,
    first_events: Option<u64>,
}

impl ProgressLine {
    fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            began: now,
            shown: now,
            every: Duration::from_secs(if on_terminal { 1 } else { 5 }),
            on_terminal,
            first_events: None,
        }
    }

    fn show(&mut self, reached: RunProgress) {
        let first = *self.first_events.get_or_insert(reached.events);
        if self.shown.elapsed() < self.every {
            return;
        }
        self.shown = Instant::now();
        let rate = (reached.events - first) as f64 / self.began.elapsed().as_secs_f64();
        let line = format!(
            "{} events of {} streams, {rate:.0} a second, bucket {} of {BUCKETS}",
            reached.events,
            reached.streams,
            (reached.buckets_done + 1).min(usize::from(BUCKETS))
        );
        match self.on_terminal {
            true => {
                let mut stderr = std::io::stderr();
                let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
            }
            false => say(&line),
        }
    }

    fn end(&self) {
        if self.on_terminal {
            say(&"");
        }
    }
}

/// To who watches; whether anybody does is no matter.
pub(super) fn say(line: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
