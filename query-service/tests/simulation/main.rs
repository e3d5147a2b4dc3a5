//! Projectors over topics, a consumer group and document stores that delay, fail, forget to answer and move partitions,
//! and processes that die, freeze and wake. A run follows from its seed alone: time is simulated, and all chance is the
//! seed's.
//!
//! `SEEDS=5000` runs so many; `SEED=17` runs that one and prints its trace.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

mod dice;
#[allow(dead_code, reason = "each test crate uses its share")]
#[path = "../projecting/events.rs"]
mod events;
mod group;
mod ports;
mod process;
mod record;
mod run;
#[allow(dead_code, reason = "each test crate uses its share")]
#[path = "../projecting/shop.rs"]
mod shop;
mod world;

use run::{run, runs};
use world::Planted;

/// Of a run of the suite.
const SEEDS: u64 = 100;
/// Among so many a planted fault is found.
const FOUND_WITHIN: u64 = 60;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn whatever_fails_every_document_is_as_the_tests_fold_it_and_nothing_is_skipped() {
    if let Some(seed) = number("SEED") {
        let run = run(seed, None);
        println!("{}", run.trace.join("\n"));
        assert!(run.violations.is_empty(), "{}", run.told());
        return;
    }
    let failed = runs(0, number("SEEDS").unwrap_or(SEEDS), None);
    if let Some(first) = failed.first() {
        let seeds: Vec<u64> = failed.iter().map(|run| run.seed).collect();
        panic!("seeds {seeds:?} fail; {}", first.told());
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let mut hashes = std::collections::HashSet::new();
    for seed in 0..8 {
        let (first, again) = (run(seed, None), run(seed, None));
        let differs = first
            .trace
            .iter()
            .zip(&again.trace)
            .find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.hash, again.hash, "seed {seed}");
        assert!(first.trace.len() > 100, "seed {seed} did nothing");
        hashes.insert(first.hash);
    }
    assert_eq!(hashes.len(), 8, "other seeds are other runs");
}

fn assert_found(planted: Planted, by: &str) {
    let finds = |seed: &u64| {
        let run = run(*seed, Some(planted));
        run.violations.iter().any(|violation| violation.contains(by))
    };
    let found = (0..FOUND_WITHIN).find(finds);
    println!("{planted:?} is found by {by:?} with seed {found:?}");
    assert!(found.is_some(), "not within {FOUND_WITHIN} seeds");
}

#[test]
fn a_source_that_commits_what_it_has_read_is_found() {
    assert_found(Planted::CommitsEarly, "is passed and not written");
}

#[test]
fn a_store_that_answers_and_does_not_write_is_found() {
    assert_found(Planted::LosesWrites, "is passed and not written");
}

#[test]
fn a_write_that_compares_no_revision_is_found() {
    assert_found(Planted::Overwrites, "falls from version");
}

#[test]
fn changes_that_are_not_told_are_found() {
    assert_found(Planted::TellsNothing, "was not told");
}

#[test]
fn who_goes_on_where_others_have_read_to_is_found() {
    assert_found(Planted::ResumesBehindOthers, "no rest within");
}

#[test]
fn a_gap_that_nobody_repairs_is_found() {
    assert_found(Planted::RepairsUnanswered, "no rest within");
}

#[test]
fn dead_letters_that_go_nowhere_are_found() {
    assert_found(Planted::BuriesNothing, "was not buried");
}
