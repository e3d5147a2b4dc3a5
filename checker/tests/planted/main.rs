//! The checker's own proof: a true history holds, and each fault that is planted in it is caught.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking, its model too"
)]

mod shop;
mod story;
mod world;

use story::story;

#[test]
fn a_true_history_breaks_nothing_and_leaves_no_invariant_idle() {
    let report = checker::check(&story().history);
    assert!(report.holds(), "{report}");
    assert_eq!(report.empty_but_for(&[]), [] as [&str; 0], "{report}");
    println!("{report}");
}
