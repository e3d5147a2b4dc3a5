//! The contracts of the storage ports, run over every adapter.
//!
//! To run them over another one: a module with its [`Adapters`], and `contract_suite!(<function that makes them>)`.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod archive;
mod commands;
mod commits;
mod event_store;
mod leases;
mod memory;
mod numbers;
mod outbox;
mod postgres;
mod queue;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use command_service::application::ports::{
    CommandQueue, CommandStore, EventArchive, EventStore, Leases, Outbox, RepublishRuns,
};

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
    type Archive: EventArchive;
    type Runs: RepublishRuns;

    fn store(&self) -> Arc<Self::Store>;

    fn outbox(&self) -> Arc<Self::Outbox>;

    /// Of the store.
    fn archive(&self) -> Arc<Self::Archive>;

    fn runs(&self) -> Arc<Self::Runs>;

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
        $crate::contract_suite!($make, commands:
            told_events_go_to_their_own_streams_and_topics,
            a_told_version_that_is_there_is_a_conflict_and_leaves_nothing,
            follow_ups_are_queued_in_order,
            a_key_is_kept_with_its_outcome,
            a_key_belongs_to_its_actor,
            a_second_commit_under_a_key_leaves_nothing,
            of_concurrent_commits_under_one_key_exactly_one_wins,
            a_commit_takes_its_row_out_of_the_queue,
            a_queued_command_is_committed_once,
            a_failure_is_recorded,
            a_record_comes_back_whole,
        );
        $crate::contract_suite!($make, numbers:
            a_claim_moves_its_series_and_no_other,
            a_claim_of_any_other_number_is_a_conflict_and_leaves_nothing,
            what_is_not_committed_takes_no_number,
            of_concurrent_claims_of_one_number_exactly_one_wins,
            who_claims_again_until_it_wins_leaves_no_gap,
        );
        $crate::contract_suite!($make, queue:
            a_queued_command_is_pending_and_runs_once_taken,
            what_is_queued_is_taken_as_it_was,
            commands_come_in_the_order_in_which_they_were_accepted,
            taking_is_bounded_for_each_bucket,
            what_is_postponed_holds_up_its_stream_and_no_other,
            what_is_postponed_comes_back,
            what_is_gone_is_not_postponed,
            what_is_removed_is_gone,
            what_waits_is_counted_by_type,
            a_command_is_queued_once,
            a_key_that_was_used_queues_nothing,
            a_deferred_commands_key_outlives_the_queue,
            old_keys_are_forgotten_and_their_commands_are_not,
        );
        $crate::contract_suite!($make, snapshots:
            a_stream_is_read_from_its_snapshot_on,
            a_snapshot_of_another_format_is_not_there,
            of_streams_read_together_each_has_its_own_snapshot,
            an_older_snapshot_does_not_replace_a_newer_one,
            a_snapshot_of_another_format_replaces_whatever_there_is,
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
        $crate::contract_suite!($make, archive:
            an_empty_archive_has_no_streams,
            every_stream_is_met_once_in_pages,
            each_kind_is_walked_alone,
            events_come_with_all_that_is_known_of_them,
            a_part_of_a_stream_is_read_from_a_version_on,
            the_bucket_is_that_of_the_outbox,
            a_run_begins_with_nothing_done,
            a_run_is_found_as_far_as_it_got,
            a_run_that_is_finished_is_not_resumed,
            a_new_run_takes_the_place_of_the_last_of_its_scope,
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
            a_free_bucket_is_reserved_at_once,
            a_reserved_bucket_is_given_back_unless_busy,
            a_reservation_lapses,
            two_reservers_do_not_get_one_bucket,
            of_reservers_at_once_each_bucket_goes_to_one,
            what_is_given_back_is_shared_again,
            who_is_released_has_no_reservations,
        );
    };
}
pub(crate) use lease_suite;
