//! The checker's own proof: a true history holds, and each fault that is planted in it is caught.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its model too"
)]

mod faults;
mod large;
mod odd;
mod shop;
mod story;
mod world;

use std::collections::BTreeSet;

use story::story;

#[test]
fn a_true_history_breaks_nothing_and_leaves_no_invariant_idle() {
    let report = checker::check(&story().history);
    assert!(report.holds(), "{report}");
    assert_eq!(report.empty_but_for(&[]), [] as [&str; 0], "{report}");
}

/// By those who are named beside it; the table is printed with `--nocapture`.
#[test]
fn every_planted_fault_is_caught_by_whom_it_concerns() {
    let truth = story();
    let mut table = "| planted fault | caught by |\n|---|---|\n".to_owned();
    let mut uncaught = Vec::new();
    let mut idle: BTreeSet<&str> = (1..=15).map(|number| NAMES[number - 1]).collect();
    let mut names = BTreeSet::new();
    for fault in faults::all() {
        assert!(names.insert(fault.name), "{} is planted twice", fault.name);
        let mut story = truth.clone();
        (fault.plant)(&mut story);
        let report = checker::check(&story.history);
        let broken: Vec<&str> = report.broken().map(|verdict| verdict.invariant).collect();
        for invariant in fault.caught_by {
            idle.remove(invariant);
            if !broken.contains(invariant) {
                uncaught.push(format!("{}: by {broken:?}, not by {invariant}", fault.name));
            }
        }
        let others: Vec<&str> = broken
            .iter()
            .copied()
            .filter(|of| !fault.caught_by.contains(of))
            .collect();
        let also = match others.is_empty() {
            true => String::new(),
            false => format!(" (and {})", others.join(", ")),
        };
        table += &format!("| {} | {}{also} |\n", fault.name, fault.caught_by.join(", "));
    }
    println!("{table}\n{} faults", names.len());
    assert!(uncaught.is_empty(), "{}\n{table}", uncaught.join("\n"));
    assert!(names.len() >= 30);
    assert!(idle.is_empty(), "nothing is planted for {idle:?}");
}

const NAMES: [&str; 15] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15",
];
