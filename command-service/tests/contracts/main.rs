//! The contracts of the storage ports, run over every adapter.
//!
//! To run them over another one: a module with its [`Adapters`], and `contract_suite!(<function that makes them>)`.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod commits;
mod event_store;
mod leases;
mod memory;
mod outbox;
mod postgres;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use command_service::application::ports::{CommandQueue, CommandStore, EventStore, Leases, Outbox};

/// Leases on buckets that nobody holds at first, alone in the world.
pub trait SharedBuckets {
    type Leases: Leases;

    fn leases(&self) -> Arc<Self::Leases>;

    /// Moves the time, or the rows, so that every lease, reservation and owner's sign of life has run out when this
    /// returns.
    fn expire_leases(&self) -> impl Future<Output = ()> + Send;
}

/// A store, and the outbox that its commits fill with the relays' leases; empty at first and alone in the world.
pub trait Adapters: SharedBuckets {
    type Store: EventStore + CommandStore + CommandQueue;
    type Outbox: Outbox;

    fn store(&self) -> Arc<Self::Store>;

    fn outbox(&self) -> Arc<Self::Outbox>;

    /// Returns once so much time has passed by the store's clock.
    fn pass(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// A test for each clause of all contracts; `$make` is an async function that answers fresh [`Adapters`].
macro_rules! contract_suite {
    ($make:path) => {
        $crate::contract_suite!($make, event_store:
            a_stream_that_is_not_there_is_empty,
            what_is_appended_is_read_back,
            streams_are_read_in_the_order_asked_for,
            nothing_asked_for_is_nothing_read,
            aggregates_with_one_id_are_streams_apart,
            a_commit_of_many_events_is_one,
            a_stale_append_is_a_conflict_and_leaves_nothing,
            starting_a_stream_twice_is_a_conflict,
            of_concurrent_appends_exactly_one_wins,
            concurrent_appends_to_different_streams_all_succeed,
            a_lost_command_can_be_committed_again,
            a_refusal_is_recorded_and_leaves_no_event,
            a_command_that_changes_nothing_is_recorded,
            a_command_is_recorded_once,
            an_append_fills_the_outbox,
        );
        $crate::contract_suite!($make, outbox:
            nothing_is_pending_at_first,
            an_aggregate_stays_in_one_bucket,
            pending_rows_come_in_the_order_of_their_versions,
            pending_is_bounded_for_each_bucket,
            marked_rows_are_gone_and_others_stay,
            the_backlog_counts_what_is_unpublished,
            a_mark_under_an_old_epoch_removes_nothing,
            a_mark_under_anothers_bucket_removes_nothing,
            of_a_mixed_mark_only_the_held_part_is_removed,
        );
        $crate::lease_suite!($make);
    };
    ($make:path, $contract:ident: $($clause:ident),* $(,)?) => {
        mod $contract {
            #[allow(unused_imports, reason = "the maker may be in the prelude of the module above or a full path")]
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                $crate::$contract::$clause(&$make().await).await;
            })*
        }
    };
}
pub(crate) use contract_suite;

/// A test for each clause about leases; `$make` answers fresh [`SharedBuckets`].
macro_rules! lease_suite {
    ($make:path) => {
        $crate::contract_suite!($make, leases:
            an_owner_alone_holds_every_bucket,
            a_renewed_lease_keeps_its_epoch,
            two_owners_share_without_overlap,
            five_owners_share_fairly,
            owners_beyond_the_buckets_wait,
            a_busy_bucket_is_not_given_back,
            released_leases_are_taken_over_at_once,
            expired_leases_are_taken_over_under_a_new_epoch,
            who_slept_through_a_take_over_learns_of_it,
        );
    };
}
pub(crate) use lease_suite;
