//! Every kind of fault.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::BoxFuture;

use super::scene::Scene;
use super::{
    elasticsearch, kafka, links, postgres, postgres_disk, postgres_sessions, records, registry, roles,
    versions,
};

type Act = fn(Scene) -> BoxFuture<'static, Result<()>>;

/// What is broken by a fault; two that break the same are never on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    CommandApi,
    Relay,
    Worker,
    QueryApi,
    Projector,
    Postgres,
    Kafka,
    Elasticsearch,
    Registry,
    /// So much that nothing else is to be on.
    Whole,
}

/// How often a kind is on together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithOthers {
    Often,
    /// It ends a server that takes its time to start.
    Seldom,
    /// What is expected of it could not be told.
    Never,
}

/// A fault by its name.
pub struct FaultKind {
    /// As in `--faults`.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    pub part: Part,
    /// How soon after the healing the system should work again.
    pub goal: Duration,
    /// Only ever alone.
    pub alone: bool,
    pub(super) with_others: WithOthers,
    pub(super) act: Act,
}

const ROLE: Duration = Duration::from_secs(3);
const SERVER: Duration = Duration::from_secs(5);
const READ_SIDE: Duration = Duration::from_secs(10);

macro_rules! kinds {
    ($($name:literal $about:literal $part:ident $goal:ident $with_others:ident $act:path;)*) => {
        /// Every kind, in the order of the list.
        pub fn all() -> &'static [FaultKind] {
            const ALL: &[FaultKind] = &[$(FaultKind {
                name: $name,
                about: $about,
                part: Part::$part,
                goal: $goal,
                alone: matches!(WithOthers::$with_others, WithOthers::Never),
                with_others: WithOthers::$with_others,
                act: |scene| Box::pin($act(scene)),
            }),*];
            ALL
        }
    };
}

kinds! {
    "command-api-killed" "command api killed at random points round the commit" CommandApi ROLE Often roles::command_api_killed;
    "relay-killed-before-mark" "relay killed between the broker's acknowledgement and the mark" Relay ROLE Often roles::relay_killed_before_mark;
    "relay-frozen" "relay frozen, another takes over, the first wakes" Relay ROLE Often roles::relay_frozen;
    "worker-killed" "worker killed in mid-command" Worker ROLE Often roles::worker_killed;
    "projector-killed-before-commit" "projector killed after the bulk write, before the offset commit" Projector READ_SIDE Often roles::projector_killed;
    "projector-frozen" "projector frozen past its session, then woken" Projector READ_SIDE Often roles::projector_frozen;
    "query-api-killed" "one of two query replicas killed" QueryApi ROLE Often roles::query_api_killed;
    "sigterm-under-load" "a replica of any role told to end while requests come in" Whole READ_SIDE Never roles::sigterm_under_load;
    "postgres-killed" "Postgres killed and started again" Postgres SERVER Often postgres::killed;
    "postgres-frozen" "Postgres frozen, for 30 s at the longest" Postgres SERVER Often postgres::frozen;
    "postgres-connections-cut" "connections to Postgres cut every 100 ms" Postgres SERVER Often postgres::connections_cut;
    "postgres-exhausted" "every connection of Postgres taken by others" Postgres SERVER Never postgres_sessions::exhausted;
    "postgres-disk-full" "Postgres's disk full" Postgres SERVER Never postgres_disk::full;
    "postgres-fsync-fails" "fsync fails under Postgres, which panics and recovers" Postgres SERVER Never postgres_disk::fsync_fails;
    "credentials-revoked" "the services' role may not log in to Postgres, or not append" Postgres SERVER Never postgres_sessions::credentials_revoked;
    "transaction-left-open" "a transaction that has appended and does not commit" Postgres SERVER Never postgres_sessions::transaction_left_open;
    "broker-killed" "one of three brokers killed" Kafka SERVER Seldom kafka::broker_killed;
    "two-brokers-killed" "two of three brokers killed" Kafka SERVER Seldom kafka::two_brokers_killed;
    "brokers-frozen" "two of three brokers frozen and woken again and again" Kafka SERVER Often kafka::brokers_frozen;
    "topic-deleted" "a topic deleted: alarm, then republish restores it" Whole READ_SIDE Never kafka::topic_deleted;
    "group-churn" "a projector joins and leaves its groups every two seconds" Projector READ_SIDE Never kafka::group_churn;
    "projector-slow" "a projector slower than its poll interval" Whole READ_SIDE Never kafka::projector_slow;
    "elasticsearch-killed" "Elasticsearch killed and started again" Elasticsearch READ_SIDE Seldom elasticsearch::killed;
    "elasticsearch-frozen" "Elasticsearch frozen" Elasticsearch READ_SIDE Often elasticsearch::frozen;
    "elasticsearch-429" "Elasticsearch answers 429, to requests and to items of a bulk" Elasticsearch READ_SIDE Often elasticsearch::too_many_requests;
    "elasticsearch-write-block" "a write block on every index" Elasticsearch READ_SIDE Often elasticsearch::write_block;
    "elasticsearch-index-missing" "an index deleted under the projector" Elasticsearch READ_SIDE Never elasticsearch::index_missing;
    "elasticsearch-disk-full" "Elasticsearch's disk past the flood stage" Elasticsearch READ_SIDE Never elasticsearch::disk_full;
    "document-refused" "one document refused by the mapping" Whole READ_SIDE Never records::document_refused;
    "registry-down-at-start" "a relay or projector started while the registry is away" Registry SERVER Never registry::down_at_start;
    "registry-down" "the registry away in mid-run" Registry SERVER Often registry::down;
    "records-doubled" "events sent again five times and shuffled across topics" Projector READ_SIDE Never records::doubled;
    "broken-record" "records that are no events in a topic" Whole READ_SIDE Never records::broken;
    "mixed-versions" "replicas of an earlier build beside those of this one" Whole READ_SIDE Never versions::mixed;
    "slow-link" "links to Postgres and Elasticsearch slow and lossy" Whole READ_SIDE Never links::slow;
    "everything-down" "Kafka, Elasticsearch and registry all away" Whole READ_SIDE Never links::everything_down;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = all().iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), all().len());
        assert!(all().iter().all(|kind| !kind.about.is_empty()));
    }
}
