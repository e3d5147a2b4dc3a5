//! One batch: the oldest commands of some buckets, from the queue to their outcomes.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tracing::Instrument as _;

use super::{RunStored, Running};
use crate::application::bus::CommandError;
use crate::application::ports::{
    Clock, CommandOutcome, CommandQueue, CommandRecord, Commit, EventStore, Ids, Lease, Postponement,
    StoreError, StreamId, TakenCommand,
};
use crate::failpoints;
use crate::sharing::{Outcome, Report};
use crate::telemetry::{InWork, traceparent};

/// How a stream goes on after one of its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The command is decided.
    GoOn,
    /// The command is to be tried again later, and noted so.
    Wait,
    /// What became of the command could not be noted.
    StoreSilent,
}

/// Why a command was not run to an outcome.
struct Failure {
    /// For its record, which clients can see.
    told: String,
    /// For the log.
    cause: String,
    /// Whether trying again will hardly help.
    is_fault: bool,
}

impl<S, R, K, I> Running<S, R, K, I>
where
    S: EventStore + CommandQueue,
    R: RunStored,
    K: Clock,
    I: Ids,
{
    pub(super) async fn run_batch(&self, leases: &[Lease]) -> Vec<Report> {
        let report = |outcome: &dyn Fn(u16) -> Outcome| {
            let of_lease = |lease: &Lease| Report {
                lease: *lease,
                outcome: outcome(lease.bucket),
            };
            leases.iter().map(of_lease).collect()
        };
        let buckets: Vec<u16> = leases.iter().map(|lease| lease.bucket).collect();
        let per_bucket = self.settings.commands_per_bucket.get();
        let taken = match self.store.take(&buckets, per_bucket).await {
            Ok(taken) => taken,
            Err(error) => {
                store_failed("take", error);
                return report(&|_| Outcome::Failed);
            }
        };
        if !taken.is_empty() {
            failpoints::cut("worker::after_taking");
        }
        let _in_work = InWork::new(metrics::gauge!("worker_commands_in_work"), taken.len());
        let mut read: HashMap<u16, usize> = HashMap::new();
        for command in &taken {
            *read.entry(command.place.bucket).or_default() += 1;
        }
        let streams = by_stream(taken)
            .into_iter()
            .map(|(bucket, commands)| async move { (bucket, self.run_stream(commands).await) });
        let silent: HashSet<u16> = join_all(streams)
            .await
            .into_iter()
            .filter(|(_, next)| *next == Next::StoreSilent)
            .map(|(bucket, _)| bucket)
            .collect();
        report(&|bucket| match read.get(&bucket) {
            None => Outcome::Empty,
            Some(_) if silent.contains(&bucket) => Outcome::Failed,
            // A stream that waits does not make its bucket rest: it is left out until it is due.
            Some(read) => Outcome::Done {
                more: *read >= per_bucket,
            },
        })
    }

    /// One after the other, up to the first that has no outcome.
    async fn run_stream(&self, commands: Vec<TakenCommand>) -> Next {
        // Never closed: an error cannot be.
        let _permit = self.permits.acquire().await;
        for command in commands {
            let next = self.run_command(command).await;
            if next != Next::GoOn {
                return next;
            }
        }
        Next::GoOn
    }

    async fn run_command(&self, mut taken: TakenCommand) -> Next {
        let command = &mut taken.command;
        let span = tracing::info_span!(
            target: traceparent::ROOT_SPANS,
            "queued command",
            otel.kind = "consumer",
            "type" = command.command_type,
            id = %command.command_id,
            attempt = taken.attempts + 1,
        );
        if let Some(header) = &command.traceparent {
            traceparent::continue_from(&span, header);
        }
        // What follows from the command follows from this attempt.
        command.traceparent = traceparent::of(&span).or(command.traceparent.take());
        self.attempt(&taken).instrument(span).await
    }

    async fn attempt(&self, taken: &TakenCommand) -> Next {
        let attempt = AssertUnwindSafe(self.commands.run_stored(taken)).catch_unwind();
        let failure = match tokio::time::timeout(self.settings.command_deadline, attempt).await {
            Ok(Ok(Ok(_))) => return decided("succeeded"),
            Ok(Ok(Err(CommandError::AlreadyDecided))) => return self.remove(taken).await,
            Ok(Ok(Err(error))) if error.outcome().is_some() => return decided("refused"),
            Ok(Ok(Err(error))) => Failure::of(error),
            Ok(Err(panic)) => Failure {
                told: "the command failed".to_owned(),
                cause: format!("a panic: {}", message(&*panic)),
                is_fault: true,
            },
            Err(_) => Failure {
                told: "the command took too long".to_owned(),
                cause: format!("no answer within {:?}", self.settings.command_deadline),
                // Most often it is the store that is slow.
                is_fault: false,
            },
        };
        if failure.is_fault && taken.faults.saturating_add(1) >= self.settings.attempts.get() {
            self.give_up(taken, failure).await
        } else {
            self.postpone(taken, failure).await
        }
    }

    /// Another worker was faster. The row has gone with the outcome, unless somebody put it there by hand.
    async fn remove(&self, taken: &TakenCommand) -> Next {
        match self.store.remove(taken.place).await {
            Ok(()) => decided("decided-elsewhere"),
            Err(error) => {
                store_failed("remove", error);
                Next::StoreSilent
            }
        }
    }

    async fn postpone(&self, taken: &TakenCommand, failure: Failure) -> Next {
        // The last eight bytes of a UUID of version 7 are random but for two bits.
        let random = self.ids.next().as_u64_pair().1;
        let delay = self.settings.pause(taken.attempts, random);
        tracing::warn!(
            attempt = taken.attempts + 1,
            error = failure.cause,
            "a queued command was not run, and is tried again in {delay:?}"
        );
        counted("postponed");
        let postponement = Postponement {
            delay,
            error: failure.told,
            is_fault: failure.is_fault,
        };
        match self.store.postpone(taken.place, postponement).await {
            Ok(()) => Next::Wait,
            Err(error) => {
                store_failed("postpone", error);
                Next::StoreSilent
            }
        }
    }

    /// Records the command as failed, so that those behind it can go on.
    async fn give_up(&self, taken: &TakenCommand, failure: Failure) -> Next {
        let command = &taken.command;
        let record = CommandRecord {
            command_id: command.command_id,
            command_type: command.command_type.clone().into(),
            stream: command.stream,
            actor: command.actor.clone(),
            received_at: command.received_at,
            body: command.body.clone(),
            causation_id: command.causation_id,
            correlation_id: command.correlation_id,
            outcome: CommandOutcome::Failed {
                detail: failure.told.clone(),
            },
        };
        let commit = Commit {
            place: Some(taken.place),
            traceparent: command.traceparent.clone(),
            ..Commit::of(record, self.clock.now())
        };
        match self.store.commit(commit).await {
            Ok(()) => {
                tracing::error!(
                    attempts = taken.attempts + 1,
                    aggregate = command.stream.aggregate.as_str(),
                    aggregate_id = %command.stream.id,
                    error = failure.cause,
                    "a queued command was given up and recorded as failed"
                );
                metrics::counter!("commands_failed_total", "type" => command.command_type.clone())
                    .increment(1);
                decided("failed")
            }
            Err(StoreError::DuplicateCommand) => self.remove(taken).await,
            Err(error) => {
                store_failed("give-up", error);
                self.postpone(taken, failure).await
            }
        }
    }
}

impl Failure {
    fn of(error: CommandError) -> Self {
        Self {
            told: error.to_string(),
            is_fault: !matches!(error, CommandError::Unavailable(_) | CommandError::Conflict(_)),
            cause: format!("{:#}", anyhow::Error::new(error)),
        }
    }
}

/// Each stream's bucket and commands; both in the order in which the commands were accepted.
fn by_stream(taken: Vec<TakenCommand>) -> Vec<(u16, Vec<TakenCommand>)> {
    let mut places: HashMap<StreamId, usize> = HashMap::new();
    let mut streams: Vec<(u16, Vec<TakenCommand>)> = Vec::new();
    for command in taken {
        let place = *places.entry(command.command.stream).or_insert(streams.len());
        match streams.get_mut(place) {
            Some((_, commands)) => commands.push(command),
            None => streams.push((command.place.bucket, vec![command])),
        }
    }
    streams
}

fn decided(outcome: &'static str) -> Next {
    counted(outcome);
    Next::GoOn
}

fn counted(outcome: &'static str) {
    metrics::counter!("worker_commands_total", "outcome" => outcome).increment(1);
}

fn store_failed(stage: &'static str, error: StoreError) {
    tracing::warn!(
        stage,
        error = format!("{:#}", anyhow::Error::new(error)),
        "commands stay in the queue for now"
    );
    metrics::counter!("worker_failures_total", "stage" => stage).increment(1);
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
