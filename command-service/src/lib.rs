//! Takes commands over REST, decides them in event-sourced aggregates, publishes their events to Kafka.

pub mod application;
pub mod bootstrap;
pub mod cli;
pub mod failpoints;
pub mod inbound;
pub mod outbound;
pub mod relay;
pub mod republishing;
pub mod settings;
pub mod sharing;
pub mod telemetry;
pub mod verification;
pub mod worker;
