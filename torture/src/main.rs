//! `cargo xtask torture`: breaks the running system from a seeded schedule, and has the checker judge what was recorded.

mod asking;
mod calling;
mod pulse;
mod recording;

fn main() {}
