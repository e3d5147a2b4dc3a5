//! The projector over stores in memory: whatever comes, in whatever order, and whatever fails meanwhile.

mod events;
mod failures;
mod renamings;
mod replays;
mod world;
