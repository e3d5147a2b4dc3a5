//! `query-service rebuild`.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use read_model::Kind;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::application::ports::{FeedStanding, Feeds as _, Generation, Generations as _};
use crate::application::projecting::Announcing;
use crate::application::projecting::patience::Patience;
use crate::application::rebuilding::{Plan, RebuildError, Rebuilding};
use crate::cli::RebuildArguments;
use crate::inbound::kafka::pipeline::{End, Pipeline};
use crate::outbound::elasticsearch::{self as es, ElasticsearchGenerations};
use crate::outbound::kafka::{ChangeTopic, DeadLetterTopic, KafkaFeeds};
use crate::outbound::system::SystemClock;
use crate::settings::Settings;

use super::ProductionFeeding;

/// Of a rebuild that a signal ended.
const INTERRUPTED: u8 = 130;
const LOOK_WHO_FEEDS: Duration = Duration::from_secs(1);
/// Between two lines where no terminal shows a bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Ends with 0 when everything was done, 1 when the generations differ and nothing was swapped, 130 when told to stop.
pub async fn rebuild(arguments: &RebuildArguments, settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_on_signal(stop.clone())?);
    let client = es::connect(&settings.elasticsearch)?;
    let generations = Arc::new(ElasticsearchGenerations::new(client, &settings.elasticsearch));
    let work = Work {
        rebuilding: Rebuilding {
            generations: Arc::clone(&generations),
            feeds: Arc::new(KafkaFeeds::new(settings.kafka.clone())),
            patience: Patience::new(&settings.projector, stop, Arc::new(SystemClock)),
        },
        feeding: Arc::new(super::feeding(settings, generations)?),
        force: arguments.force,
    };
    let mut code = ExitCode::SUCCESS;
    for kind in arguments.projection.kinds() {
        let done = match (arguments.rollback, arguments.drop_old) {
            (true, _) => work.roll_back(kind).await,
            (false, true) => work.drop_old(kind).await,
            (false, false) => work.rebuild(kind).await,
        };
        match done {
            Ok(true) => {}
            Ok(false) => code = ExitCode::FAILURE,
            Err(error) if matches!(error.downcast_ref(), Some(RebuildError::Abandoned(_))) => {
                say("stopped: the same command goes on from here");
                code = ExitCode::from(INTERRUPTED);
                break;
            }
            Err(error) => return Err(error.context(format!("{kind} cannot be rebuilt"))),
        }
    }
    signals.abort();
    Ok(code)
}

fn stop_on_signal(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}

struct Work {
    rebuilding: Rebuilding<ElasticsearchGenerations, KafkaFeeds>,
    feeding: Arc<ProductionFeeding>,
    force: bool,
}

impl Work {
    /// False where the generations differ and queries go on reading what they did.
    async fn rebuild(&self, kind: Kind) -> anyhow::Result<bool> {
        let plan = self.rebuilding.plan(kind).await?;
        let Plan { next, .. } = plan;
        println!("{}", begun(&plan));
        let swapped = self
            .feeding(&plan, async {
                self.until_level(next).await?;
                if let Some(queried) = self.fed_by_this_build(&plan) {
                    self.until_level(queried).await?;
                }
                let mut progress = Progress::new(&format!("{next}: compared"));
                let compared = self
                    .rebuilding
                    .compare(&plan, |documents| progress.show(documents, 0));
                let compared = compared.await?;
                progress.end();
                if let Some(comparison) = compared {
                    println!("{comparison}");
                    if !comparison.may_be_swapped() && !self.force {
                        println!("not swapped: queries go on reading {}", comparison.queried);
                        return Ok(false);
                    }
                }
                self.rebuilding.swap(&plan).await?;
                Ok(true)
            })
            .await?;
        if swapped {
            println!("queries read {next} now");
        }
        Ok(swapped)
    }

    async fn roll_back(&self, kind: Kind) -> anyhow::Result<bool> {
        let plan = self.rebuilding.way_back(kind).await?;
        self.feeding(&plan, async {
            self.until_level(plan.next).await?;
            Ok(self.rebuilding.swap(&plan).await?)
        })
        .await?;
        println!("queries read {} again", plan.next);
        Ok(true)
    }

    async fn drop_old(&self, kind: Kind) -> anyhow::Result<bool> {
        let dropped = self.rebuilding.drop_unread(kind).await?;
        for generation in &dropped {
            println!("{generation} dropped");
        }
        if dropped.is_empty() {
            println!("{kind}: there is none but the one that queries read");
        }
        Ok(true)
    }

    fn fed_by_this_build(&self, plan: &Plan) -> Option<Generation> {
        let mapping = self.rebuilding.generations.mapping(plan.kind);
        plan.queried.filter(|queried| queried.mapping == mapping)
    }

    /// Does `work` while what the plan is about is fed: the next generation by this process too, and the one that queries
    /// read where no projector runs.
    async fn feeding<T>(
        &self,
        plan: &Plan,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let end = End::default();
        let mut pipelines = JoinSet::new();
        let pipeline = |generation, queried| {
            let announcing: Arc<Announcing> = Arc::default();
            announcing.set_queried(queried);
            Pipeline {
                generation,
                feeding: Arc::clone(&self.feeding),
                announcing,
            }
        };
        pipelines.spawn(pipeline(plan.next, false).run(end.clone()));
        if let Some(queried) = self.fed_by_this_build(plan) {
            let feeds = Arc::clone(&self.rebuilding.feeds);
            pipelines.spawn(feed_if_nobody_does(feeds, pipeline(queried, true), end.clone()));
        }
        let worked = tokio::select! {
            worked = work => worked,
            Some(ended) = pipelines.join_next() => match ended.context("a pipeline failed")? {
                Ok(()) => Err(anyhow::anyhow!("a pipeline ended by itself")),
                Err(error) => Err(error),
            },
        };
        end.finish.cancel();
        while let Some(ended) = pipelines.join_next().await {
            if let Err(error) = ended.context("a pipeline failed").and_then(|ended| ended) {
                tracing::warn!("while ending: {error:#}");
            }
        }
        worked
    }

    async fn until_level(&self, generation: Generation) -> Result<(), RebuildError> {
        let mut progress = Progress::new(&format!("{generation}: records"));
        let show = |standing: &FeedStanding| progress.show(standing.done(), standing.records());
        self.rebuilding.until_level(generation, show).await?;
        progress.end();
        Ok(())
    }
}

/// Joining a group moves its partitions, so whoever feeds it is left alone. A member that was killed counts for some
/// seconds on.
async fn feed_if_nobody_does(
    feeds: Arc<KafkaFeeds>,
    pipeline: Pipeline<ElasticsearchGenerations, DeadLetterTopic, ChangeTopic>,
    end: End,
) -> anyhow::Result<()> {
    loop {
        match feeds.is_fed(pipeline.generation).await {
            Ok(false) => return pipeline.run(end).await,
            Ok(true) => {}
            Err(error) => tracing::debug!(%error, "it cannot be said who feeds"),
        }
        tokio::select! {
            () = end.finish.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_WHO_FEEDS) => {}
        }
    }
}

fn begun(plan: &Plan) -> String {
    let (kind, next) = (plan.kind, plan.next);
    let how = match plan.resumed {
        true => "goes on with",
        false => "begins",
    };
    match plan.queried {
        Some(queried) => format!("{kind}: {how} {next}; queries read {queried}"),
        None => format!("{kind}: {how} {next}; queries read none"),
    }
}

/// A bar on a terminal, now and then a line elsewhere.
struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    began: Instant,
    shown: Option<Instant>,
    first: Option<u64>,
    last: (u64, u64),
}

impl Progress {
    fn new(what: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let template = "{msg} {bar:30} {human_pos}/{human_len} {per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
            bar
        });
        Self {
            what: what.to_owned(),
            bar,
            began: Instant::now(),
            shown: None,
            first: None,
            last: (0, 0),
        }
    }

    /// `total` 0: not known.
    fn show(&mut self, done: u64, total: u64) {
        let first = *self.first.get_or_insert(done);
        self.last = (done, total);
        if let Some(bar) = &self.bar {
            bar.set_length(total.max(done));
            bar.set_position(done);
            return;
        }
        if self.shown.is_some_and(|shown| shown.elapsed() < LINE_EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        self.line(first);
    }

    fn line(&self, first: u64) {
        let (done, total) = self.last;
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = (done - first.min(done)) as f64 / seconds.max(0.001);
        let left = (total.saturating_sub(done)) as f64 / rate.max(0.001);
        say(&match total {
            0 => format!("{} {done}, {rate:.0} a second", self.what),
            _ if rate < 1.0 => format!("{} {done} of {total}", self.what),
            _ => format!(
                "{} {done} of {total}, {rate:.0} a second, {left:.0} s left",
                self.what
            ),
        });
    }

    fn end(&self) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => self.line(self.first.unwrap_or(0)),
        }
    }
}

/// To who watches; whether anybody does is no matter.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
