//! The projector over stores in memory: whatever comes, in whatever order, and whatever fails meanwhile.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

mod events;
mod failures;
mod gaps;
mod rebuilding;
mod renamings;
mod replaying;
mod replays;
mod shop;
mod world;
