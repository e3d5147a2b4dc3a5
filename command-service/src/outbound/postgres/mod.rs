//! Events, outbox, commands and leases in PostgreSQL.

mod append;
mod archive;
mod audit;
mod binds;
mod command_store;
mod database;
mod error;
mod event_store;
mod leases;
mod notifications;
mod outbox;
mod outbox_statements;
mod queue_statements;
mod republish_runs;
mod settings;
mod setup;
mod text;

pub use archive::PgEventArchive;
pub use audit::PgAudit;
pub use database::Database;
pub use event_store::{PgEventStore, Wakes};
pub use leases::{PgLeases, Relays, Workers};
pub use notifications::{announce, listen};
pub use outbox::PgOutbox;
pub use republish_runs::PgRepublishRuns;
pub use settings::PostgresSettings;
pub use setup::setup;
pub use text::{commit_sql, read_sql};
