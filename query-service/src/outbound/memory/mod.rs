//! Ports kept in memory, for tests of what lies behind them.

pub mod documents;
pub mod gaps;
pub mod generations;
pub mod letters;
pub mod reading;
