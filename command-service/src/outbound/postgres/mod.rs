//! The event store and the outbox in PostgreSQL.

mod append;
mod binds;
mod database;
mod error;
mod event_store;
mod notifications;
mod outbox;
mod outbox_statements;
mod settings;
mod setup;
mod text;

pub use database::Database;
pub use event_store::PgEventStore;
pub use notifications::{announce, listen};
pub use outbox::PgOutbox;
pub use settings::PostgresSettings;
pub use setup::setup;
pub use text::{commit_sql, read_sql};
