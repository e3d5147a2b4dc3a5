//! Pages: where they start, how long they are, and the cursor to the next.

use std::num::NonZeroU8;

use chrono::{DateTime, Utc};
use read_model::OrderStatus;
use serde::Serialize;
use uuid::Uuid;

use super::cursor::{CursorSigner, ForgedCursor};
use super::search_orders::SearchText;
use super::{Context, QueryError};
use crate::application::ports::{Facets, OrderHit, OrderReader, PageRequest, PageStart, SortField};

#[derive(Debug, Clone, PartialEq)]
pub struct Paging {
    pub sort: Sort,
    pub limit: PageLimit,
    pub start: Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub field: SortField,
    pub descending: bool,
}

/// The newest first.
impl Default for Sort {
    fn default() -> Self {
        Self {
            field: SortField::CreatedAt,
            descending: true,
        }
    }
}

/// How many items a page has at most: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(NonZeroU8);

impl PageLimit {
    pub const MAX: u64 = 100;

    pub fn new(limit: u64) -> Option<Self> {
        let limit = u8::try_from(limit)
            .ok()
            .filter(|limit| u64::from(*limit) <= Self::MAX)?;
        NonZeroU8::new(limit).map(Self)
    }

    pub fn get(self) -> usize {
        usize::from(self.0.get())
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(const { NonZeroU8::new(20).unwrap() })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    Offset(PageOffset),
    /// Where an earlier page of the same query ended.
    Cursor(String),
}

/// How many items come before the page. With the page's limit at most [`PageOffset::WINDOW`]: an offset is paid for by
/// everything before it, a cursor is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageOffset(usize);

impl PageOffset {
    pub const WINDOW: u64 = 10_000;

    pub fn new(offset: u64, limit: PageLimit) -> Option<Self> {
        let end = offset.checked_add(limit.get() as u64)?;
        (end <= Self::WINDOW).then_some(Self(usize::try_from(offset).ok()?))
    }
}

/// What a listing or search selects, apart from the page. A cursor holds for one of these and one sort.
#[derive(Debug, Serialize)]
pub(super) struct Filter<'a> {
    pub query: &'static str,
    #[serde(serialize_with = "text")]
    pub text: Option<&'a SearchText>,
    pub customer_id: Option<Uuid>,
    pub status: &'a [OrderStatus],
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
    pub with_facets: bool,
}

fn text<S: serde::Serializer>(text: &Option<&SearchText>, serializer: S) -> Result<S::Ok, S::Error> {
    text.map(SearchText::as_str).serialize(serializer)
}

impl Filter<'_> {
    pub fn of(query: &'static str) -> Self {
        Self {
            query,
            text: None,
            customer_id: None,
            status: &[],
            created_from: None,
            created_to: None,
            with_facets: false,
        }
    }

    fn fingerprint(&self, sort: Sort) -> String {
        // Derived serialization of plain values into memory does not fail; an empty one would only refuse cursors.
        let filter = serde_json::to_string(self).unwrap_or_default();
        format!(
            "{:?}{}{filter}",
            sort.field,
            if sort.descending { '-' } else { '+' }
        )
    }
}

pub(super) struct Page {
    pub hits: Vec<OrderHit>,
    pub total: u64,
    pub facets: Option<Facets>,
    /// `None` on the last page.
    pub next_cursor: Option<String>,
}

pub(super) async fn read_page(
    reader: &impl OrderReader,
    cursors: &CursorSigner,
    filter: Filter<'_>,
    paging: &Paging,
    context: &Context,
) -> Result<Page, QueryError<ForgedCursor>> {
    let fingerprint = filter.fingerprint(paging.sort);
    let limit = paging.limit.get();
    let (start, offset) = match &paging.start {
        Start::Offset(PageOffset(offset)) => (PageStart::Offset(*offset), Some(*offset)),
        Start::Cursor(cursor) => {
            let values = cursors.open(cursor, &fingerprint).map_err(QueryError::Refused)?;
            (PageStart::After(values), None)
        }
    };
    let mut page = reader
        .page(PageRequest {
            text: filter.text.map(|text| text.as_str().to_owned()),
            customer_id: filter.customer_id,
            status: filter.status.to_vec(),
            created_from: filter.created_from,
            created_to: filter.created_to,
            sort: paging.sort.field,
            descending: paging.sort.descending,
            // Behind a cursor only one hit too many tells whether more follow.
            limit: if offset.is_some() { limit } else { limit + 1 },
            start,
            with_facets: filter.with_facets,
            pinned: context.token.is_some(),
        })
        .await?;
    let more = match offset {
        Some(offset) => page.total > (offset + page.hits.len()) as u64,
        None => page.hits.len() > limit,
    };
    page.hits.truncate(limit);
    let next_cursor = page
        .hits
        .last()
        .filter(|_| more)
        .map(|last| cursors.seal(&last.sort_values, &fingerprint));
    Ok(Page {
        hits: page.hits,
        total: page.total,
        facets: page.facets,
        next_cursor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_1_to_100() {
        assert_eq!(PageLimit::new(0), None);
        assert_eq!(PageLimit::new(1).map(PageLimit::get), Some(1));
        assert_eq!(PageLimit::new(100).map(PageLimit::get), Some(100));
        assert_eq!(PageLimit::new(101), None);
        assert_eq!(PageLimit::new(256 + 20), None);
        assert_eq!(PageLimit::default().get(), 20);
    }

    #[test]
    fn an_offset_ends_its_page_within_the_window() {
        let limit = PageLimit::new(100).expect("within bounds");
        assert_eq!(PageOffset::new(9_900, limit), Some(PageOffset(9_900)));
        assert_eq!(PageOffset::new(9_901, limit), None);
        assert_eq!(PageOffset::new(u64::MAX, limit), None);
    }
}
