//! What `verify` finds in a real store, and that it finds nothing in a healthy one.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod planted;
mod stories;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use chrono::TimeDelta;
use command_service::outbound::postgres::PgAudit;
use command_service::verification::{Bounds, Report, verify};
use tokio_util::sync::CancellationToken;

use support::TestDatabase;

async fn verified(database: &TestDatabase) -> Report {
    let bounds = Bounds {
        outbox_older_than: TimeDelta::seconds(60),
        follow_up_within: TimeDelta::seconds(60),
    };
    let audit = PgAudit::open(&database.settings).unwrap();
    let records = audit.records(bounds).await.unwrap();
    let archive = Arc::new(audit.into_archive().await.unwrap());
    verify(archive, records, bounds, &CancellationToken::new(), |_| {})
        .await
        .unwrap()
}
