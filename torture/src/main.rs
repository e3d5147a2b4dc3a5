//! `cargo xtask torture`: breaks the running system from a seeded schedule, and has the checker judge what was recorded.

fn main() {}
