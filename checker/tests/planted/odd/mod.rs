//! Histories that look odd and are right: nothing may be found in them.

mod reading;
mod writing;

use crate::story::{Story, story};

fn holds(plant: fn(&mut Story)) {
    let mut story = story();
    plant(&mut story);
    let report = checker::check(&story.history);
    assert!(report.holds(), "{report}");
}
