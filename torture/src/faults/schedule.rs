//! Rounds of faults: the same seed gives the same rounds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use checker::history::{Entry, Fault};
use e2e::dice::Dice;
use futures_util::future::join_all;
use tokio::time::sleep;

use super::kinds::{FaultKind, Part, WithOthers};
use super::probing::Probes;
use super::recovery::{RECOVERY, Sign};
use super::scene::{Scene, Told};
use super::topics;
use crate::cluster::{Cluster, Role};
use crate::pulse::Pulse;
use crate::recording::Recorder;

/// One that does not even come to its healing by then.
const STUCK: Duration = Duration::from_secs(600);
const LIVES_AGAIN_WITHIN: Duration = Duration::from_secs(10);
/// Between rounds, so that the next begins with a system at work.
const BREATH: Duration = Duration::from_millis(300);
const SHORT: Duration = Duration::from_secs(12);
const FULL: Duration = Duration::from_secs(300);

/// A fault that was injected, healed and overcome, or not.
#[derive(Debug, Clone)]
pub struct Injected {
    pub name: &'static str,
    pub detail: String,
    /// On the harness's clock.
    pub began: Instant,
    pub healed: Instant,
    /// From the healing to the sign of life that counts for it; none where others were on, too.
    pub recovered_after: Option<Duration>,
    pub goal: Duration,
    /// Expected behaviour that was not seen, or what went wrong with the fault itself.
    pub violations: Vec<String>,
    /// Why it could not be done here, where it could not.
    pub left_out: Option<String>,
}

/// What is told as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Moment<'a> {
    Begins(&'a [&'static str]),
    Ends(&'a Injected),
}

/// Runs rounds for `duration`. Whatever they find is in what they answer; an error is one of the harness.
pub async fn run_schedule(
    cluster: &Cluster,
    pulse: &Pulse,
    recorder: &Recorder,
    mut rounds: Rounds,
    duration: Duration,
    progress: &(dyn Fn(Moment<'_>) + Send + Sync),
) -> Result<Vec<Injected>> {
    ensure!(!rounds.selected.is_empty(), "no fault is selected");
    let probes = Probes::new()?;
    let longest = match rounds.selected.as_slice() {
        [_] => FULL.min(duration.mul_f64(0.8)),
        _ => SHORT,
    };
    let end = Instant::now() + duration;
    let mut injected: Vec<Injected> = Vec::new();
    // None begins that would end late.
    while injected.is_empty() || Instant::now() + longest < end {
        let (kinds, seed) = rounds.next();
        // What one alone does is not to be what one before it did to a projector that still comes back.
        if kinds.len() == 1
            && let Err(error) = topics::shared_out(cluster, RECOVERY).await
            && let Some(last) = injected.last_mut()
        {
            last.violations.push(format!("{error:#}"));
        }
        let names: Vec<&'static str> = kinds.iter().map(|kind| kind.name).collect();
        progress(Moment::Begins(&names));
        let scenes: Vec<Scene> = (0..kinds.len())
            .map(|number| {
                let dice = Dice::of(seed, number);
                Scene::new(cluster, pulse, recorder, &probes, dice, kinds.len() == 1, longest)
            })
            .collect();
        for one in round(cluster, pulse, &kinds, &scenes).await? {
            recorder.note(Entry::Fault(noted(recorder, &one)));
            progress(Moment::Ends(&one));
            injected.push(one);
        }
        sleep(BREATH).await;
    }
    Ok(injected)
}

/// All of the kinds at once, to their recovery.
async fn round(
    cluster: &Cluster,
    pulse: &Pulse,
    kinds: &[&'static FaultKind],
    scenes: &[Scene],
) -> Result<Vec<Injected>> {
    let begun = Instant::now();
    let acts = kinds.iter().zip(scenes).map(async |(kind, scene)| {
        let acting = tokio::time::timeout(STUCK, (kind.act)(scene.clone()));
        acting.await.context("it did not come to an end").flatten()
    });
    let results = join_all(acts).await;
    let mut stories: Vec<Told> = scenes.iter().map(Scene::told).collect();
    let mut is_broken = false;
    for (result, told) in results.into_iter().zip(&mut stories) {
        if let Err(error) = result {
            told.violations.push(format!("{error:#}"));
            is_broken = true;
        }
    }
    if is_broken {
        cluster.mend().await?;
    }
    let all_healed = stories
        .iter()
        .filter_map(|told| told.healed)
        .map(|(at, _)| at)
        .max();
    let since = all_healed.unwrap_or_else(Instant::now);
    if let [told] = stories.as_mut_slice()
        && let (Some((at, sign)), None) = (told.healed, told.recovered)
    {
        match sign.seen(cluster, pulse, at, RECOVERY).await {
            Ok(after) => told.recovered = Some(after),
            Err(error) => told.violations.push(format!("not overcome: {error:#}")),
        }
    }
    // Whatever the fault was about, all of it works before the next.
    for sign in [Sign::Write, Sign::Work, Sign::Visible] {
        if let Err(error) = sign.seen(cluster, pulse, since, RECOVERY).await
            && let Some(told) = stories.first_mut()
        {
            told.violations
                .push(format!("{sign:?} is not seen again: {error:#}"));
        }
    }
    for role in Role::ALL {
        if let Err(error) = check_alive_again(cluster, role).await
            && let Some(told) = stories.first_mut()
        {
            told.violations.push(format!("{error:#}"));
        }
    }
    let alone = kinds.len() == 1;
    Ok(kinds
        .iter()
        .zip(stories)
        .map(|(kind, told)| Injected {
            name: kind.name,
            detail: told.detail,
            began: told.began.unwrap_or(begun),
            healed: told.healed.map_or(since, |(at, _)| at),
            recovered_after: told.recovered.filter(|_| alone),
            goal: kind.goal,
            violations: told.violations,
            left_out: told.left_out,
        })
        .collect())
}

/// No process has ended that nobody ended.
async fn check_alive_again(cluster: &Cluster, role: Role) -> Result<()> {
    for process in cluster.replicas(role) {
        let lives = process.await_health("live", LIVES_AGAIN_WITHIN).await;
        lives.with_context(|| format!("{} does not live", process.name()))?;
    }
    Ok(())
}

fn noted(recorder: &Recorder, one: &Injected) -> Fault {
    Fault {
        name: one.name.to_owned(),
        detail: match &one.left_out {
            Some(reason) => format!("left out: {reason}"),
            None => one.detail.clone(),
        },
        began: recorder.at(one.began),
        healed: recorder.at(one.healed),
        recovered_after: one
            .recovered_after
            .and_then(|after| u64::try_from(after.as_micros()).ok()),
    }
}

/// Which faults come next: one round of three is of one alone, the others of several at once. Each kind comes alone once before
/// any does again, those first that come no other way: after 54 rounds, which take a quarter of an hour, every kind has been.
pub struct Rounds {
    dice: Dice,
    selected: Vec<&'static FaultKind>,
    one_at_a_time: bool,
    alone: Vec<&'static FaultKind>,
    together: Vec<&'static FaultKind>,
    number: usize,
}

impl Rounds {
    pub fn new(seed: u64, selected: &[&'static FaultKind], one_at_a_time: bool) -> Self {
        Self {
            dice: Dice::of(seed, 0xfa17),
            selected: selected.to_vec(),
            one_at_a_time,
            alone: Vec::new(),
            together: Vec::new(),
            number: 0,
        }
    }

    /// The kinds, and a seed for what they roll.
    fn next(&mut self) -> (Vec<&'static FaultKind>, u64) {
        self.number += 1;
        let seed = self.dice.roll(usize::MAX) as u64;
        let together = match self.one_at_a_time || self.number % 3 == 1 {
            true => Vec::new(),
            false => self.several(),
        };
        if together.len() > 1 {
            return (together, seed);
        }
        if self.alone.is_empty() {
            self.alone = self.shuffled(self.selected.clone());
            // From its end.
            self.alone.sort_by_key(|kind| kind.alone);
        }
        (self.alone.pop().into_iter().collect(), seed)
    }

    /// Three to five on different parts.
    fn several(&mut self) -> Vec<&'static FaultKind> {
        let wanted = 3 + self.dice.roll(3);
        let may: Vec<_> = self
            .selected
            .iter()
            .copied()
            .filter(|kind| !kind.alone && kind.part != Part::Whole)
            .collect();
        let mut chosen: Vec<&'static FaultKind> = Vec::new();
        // Twice through the deck at most: those left may all be of parts that are taken.
        for _ in 0..4 * may.len() {
            if self.together.is_empty() {
                // Servers that are slow to start would take most of the time.
                let quick = may
                    .iter()
                    .copied()
                    .filter(|kind| kind.with_others == WithOthers::Often);
                self.together = self.shuffled(may.iter().copied().chain(quick).collect());
            }
            let Some(kind) = self.together.pop() else {
                break;
            };
            if chosen.iter().all(|other| other.part != kind.part) {
                chosen.push(kind);
            }
            if chosen.len() == wanted {
                break;
            }
        }
        chosen
    }

    fn shuffled(&mut self, mut deck: Vec<&'static FaultKind>) -> Vec<&'static FaultKind> {
        for at in (1..deck.len()).rev() {
            deck.swap(at, self.dice.roll(at + 1));
        }
        deck
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::all;
    use super::*;

    fn names(seed: u64, rounds: usize) -> Vec<Vec<&'static str>> {
        let selected: Vec<&FaultKind> = all().iter().collect();
        let mut schedule = Rounds::new(seed, &selected, false);
        (0..rounds)
            .map(|_| schedule.next().0.iter().map(|kind| kind.name).collect())
            .collect()
    }

    #[test]
    fn a_seed_gives_its_rounds_again_and_another_gives_others() {
        assert_eq!(names(1, 50), names(1, 50));
        assert_ne!(names(1, 50), names(2, 50));
    }

    #[test]
    fn every_kind_comes_alone_before_any_comes_alone_again() {
        let rounds = names(7, 5 * all().len());
        let mut alone: Vec<_> = rounds
            .iter()
            .filter(|round| round.len() == 1)
            .flatten()
            .take(all().len())
            .collect();
        assert_eq!(alone.len(), all().len());
        alone.sort();
        alone.dedup();
        assert_eq!(alone.len(), all().len());
    }

    #[test]
    fn the_rounds_of_a_quarter_of_an_hour_are_of_all_kinds() {
        for seed in 1..=20 {
            let rounds = names(seed, 54);
            let mut kinds = rounds.concat();
            kinds.sort();
            kinds.dedup();
            assert_eq!(kinds.len(), all().len(), "seed {seed}");
        }
    }

    #[test]
    fn one_at_a_time_is_never_two() {
        let selected: Vec<&FaultKind> = all().iter().collect();
        let mut schedule = Rounds::new(1, &selected, true);
        assert!((0..100).all(|_| schedule.next().0.len() == 1));
    }

    #[test]
    fn what_is_on_at_once_breaks_different_parts() {
        for round in names(3, 400).iter().filter(|round| round.len() > 1) {
            let parts: Vec<Part> = round
                .iter()
                .map(|name| all().iter().find(|kind| kind.name == *name).unwrap())
                .inspect(|kind| assert!(!kind.alone))
                .map(|kind| kind.part)
                .collect();
            let distinct = parts
                .iter()
                .enumerate()
                .all(|(at, part)| !parts[..at].contains(part));
            assert!(distinct, "{round:?}");
        }
    }
}
