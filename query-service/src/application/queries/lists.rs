//! Lists, page by page, each with the cursor to the next page.
//!
//! A first page is a plain search. Whoever uses its cursor wants to walk: from there on the pages are of one point in time,
//! which travels in the cursors. Where the order is one that never changes the walk goes on without it when it is gone.

use std::sync::Arc;

use shared_events::ConsistencyToken;

use super::cursor::{CursorSigner, ForgedCursor, Place, WalkedPoint};
use super::paging::{Paging, Start};
use super::points::Points;
use super::{Context, QueryError};
use crate::application::ports::reading::{
    Facets, Filter, Hit, Page, PageError, PageReader, PageRequest, PageStart, Sort, View,
};

/// Seals and opens cursors, and knows how many points in time are open for them.
pub struct Cursors {
    pub signer: CursorSigner,
    pub points: Points,
}

/// Why a page behind a cursor cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableCursor {
    #[error(transparent)]
    Forged(#[from] ForgedCursor),
    #[error("the point in time that the cursor belongs to is gone: begin again without a cursor")]
    Expired,
    #[error(
        "the cursor belongs to a point in time before the consistency token's version: begin again without a cursor"
    )]
    Outdated,
}

/// A page as it is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    pub items: Vec<T>,
    /// On all pages together.
    pub total: u64,
    /// `None` on the last page.
    pub next_cursor: Option<String>,
    pub facets: Option<Facets>,
}

impl<T> Listing<T> {
    pub fn map<U>(self, item: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            items: self.items.into_iter().map(item).collect(),
            total: self.total,
            next_cursor: self.next_cursor,
            facets: self.facets,
        }
    }
}

/// Reads pages of any list.
pub struct Lists<R> {
    pub(super) reader: Arc<R>,
    pub(super) cursors: Arc<Cursors>,
}

impl<R> Clone for Lists<R> {
    fn clone(&self) -> Self {
        Self::new(&self.reader, &self.cursors)
    }
}

impl<R> Lists<R> {
    pub fn new(reader: &Arc<R>, cursors: &Arc<Cursors>) -> Self {
        Self {
            reader: reader.clone(),
            cursors: cursors.clone(),
        }
    }

    /// A page of the query `name`: a cursor holds for one query, filter and sort.
    pub(super) async fn page<F: Filter>(
        &self,
        name: &'static str,
        filter: F,
        paging: &Paging,
        context: &Context,
    ) -> Result<Listing<F::Item>, QueryError<UnusableCursor>>
    where
        R: PageReader<F>,
    {
        let fingerprint = fingerprint(name, &filter, paging.sort);
        let request = |start, limit| PageRequest {
            filter,
            sort: paging.sort,
            limit,
            start,
            view: match context.token {
                Some(_) => View::Pinned,
                None => View::Any,
            },
        };
        let limit = paging.limit.get();
        let (page, more, walked) = match &paging.start {
            Start::Offset(offset) => {
                let offset = offset.get();
                let page = self
                    .reader
                    .page(request(PageStart::Offset(offset), limit))
                    .await
                    .map_err(|error| refusal(error, UnusableCursor::Expired))?;
                let more = page.total > (offset + page.hits.len()) as u64;
                (page, more, None)
            }
            Start::Cursor(cursor) => {
                let place = self
                    .cursors
                    .signer
                    .open(cursor, &fingerprint)
                    .map_err(|error| QueryError::Refused(error.into()))?;
                // One hit too many tells whether more follow.
                let request = request(PageStart::After(place.sort_values), limit + 1);
                let (page, walked) = self.walk(request, place.point, context.token).await?;
                let more = page.hits.len() > limit;
                (page, more, walked)
            }
        };
        let mut hits = page.hits;
        hits.truncate(limit);
        let next_cursor = match hits.last().filter(|_| more) {
            Some(last) => Some(self.cursors.signer.seal(
                &Place {
                    sort_values: last.sort_values.clone(),
                    point: walked,
                },
                &fingerprint,
            )),
            None => {
                if let Some(walked) = walked.filter(|_| paging.sort.field.is_lasting()) {
                    self.end::<F>(walked).await;
                }
                None
            }
        };
        Ok(Listing {
            items: hits.into_iter().map(|Hit { item, .. }| item).collect(),
            total: page.total,
            next_cursor,
            facets: page.facets,
        })
    }

    /// A page behind a cursor, of the cursor's point in time or of a new one.
    async fn walk<F: Filter>(
        &self,
        mut request: PageRequest<F>,
        point: Option<WalkedPoint>,
        token: Option<ConsistencyToken>,
    ) -> Result<(Page<F::Item>, Option<WalkedPoint>), QueryError<UnusableCursor>>
    where
        R: PageReader<F>,
    {
        let lasting = request.sort.field.is_lasting();
        let live = request.view.clone();
        if let Some(walked) = point {
            if !token.is_none_or(|token| walked.includes(&token)) {
                if !lasting {
                    return Err(QueryError::Refused(UnusableCursor::Outdated));
                }
            } else {
                request.view = View::Point(walked.point.clone());
                match self.reader.page(request.clone()).await {
                    Ok(page) => return Ok(self.walked(page, walked.includes)),
                    Err(PageError::PointGone) if lasting => {}
                    Err(error) => return Err(refusal(error, UnusableCursor::Expired)),
                }
            }
        }
        let Some(place) = self.cursors.points.take() else {
            if !lasting {
                return Err(QueryError::TooManyPoints);
            }
            request.view = live;
            let page = self.reader.page(request).await;
            return Ok((
                page.map_err(|error| refusal(error, UnusableCursor::Expired))?,
                None,
            ));
        };
        let point = PageReader::<F>::open_point(&*self.reader).await?;
        place.hold(&point);
        request.view = View::Point(point);
        let page = self.reader.page(request).await;
        Ok(self.walked(
            page.map_err(|error| refusal(error, UnusableCursor::Expired))?,
            token,
        ))
    }

    fn walked<T>(&self, page: Page<T>, includes: Option<ConsistencyToken>) -> (Page<T>, Option<WalkedPoint>) {
        let walked = page.point.clone().map(|point| {
            self.cursors.points.keep(&point);
            WalkedPoint { point, includes }
        });
        (page, walked)
    }

    /// Behind the last page nobody needs it; where somebody asks for that page once more, it is read without.
    async fn end<F: Filter>(&self, walked: WalkedPoint)
    where
        R: PageReader<F>,
    {
        self.cursors.points.forget(&walked.point);
        if let Err(error) = PageReader::<F>::close_point(&*self.reader, walked.point).await {
            tracing::debug!("a point in time is left to its time: {error}");
        }
    }
}

fn refusal(error: PageError, gone: UnusableCursor) -> QueryError<UnusableCursor> {
    match error {
        PageError::PointGone => QueryError::Refused(gone),
        PageError::Store(error) => QueryError::Store(error),
    }
}

pub(super) fn fingerprint(name: &str, filter: &impl Filter, sort: Sort) -> String {
    // Derived serialization of plain values into memory does not fail; an empty one would only refuse cursors.
    let filter = serde_json::to_string(filter).unwrap_or_default();
    let direction = if sort.descending { '-' } else { '+' };
    format!("{name} {}{direction}{filter}", sort.field.as_str())
}
