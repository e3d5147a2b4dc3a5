//! The statements as text, with `$1`, `$2`, … where values go: to measure them by themselves.

use diesel::pg::Pg;
use diesel::query_builder::QueryFragment;

use super::append::{Append, is_whole};
use super::event_store::ReadStreams;
use crate::application::ports::{Commit, StreamId};

/// What [`super::PgEventStore`] sends for a commit; `None` for one that no stream could take.
pub fn commit_sql(commit: Commit) -> Option<String> {
    match is_whole(&commit) {
        true => Append::<true>::of(commit).ok().map(|append| text(&append)),
        false => Append::<false>::of(commit).ok().map(|append| text(&append)),
    }
}

/// What [`super::PgEventStore`] sends to read streams.
pub fn read_sql(streams: &[StreamId]) -> String {
    text(&ReadStreams::of(streams, None))
}

fn text(statement: &impl QueryFragment<Pg>) -> String {
    let with_binds = diesel::debug_query::<Pg, _>(statement).to_string();
    match with_binds.split_once(" -- binds:") {
        Some((sql, _)) => sql.to_owned(),
        None => with_binds,
    }
}
