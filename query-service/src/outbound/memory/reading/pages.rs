//! Pages of any table.

use serde_json::{Value, json};

use super::{Kept, MemoryReader};
use crate::application::ports::StoreError;
use crate::application::ports::reading::{
    Facets, Filter, Hit, Page, PageError, PageReader, PageRequest, PageStart, PointInTime, Sort, SortField,
    View,
};

/// A filter, as a table is searched by it.
pub(super) trait Selects: Filter {
    type Document: Kept;

    fn selects(&self, document: &Self::Document) -> bool;

    /// What is sorted by; `None` comes last either way.
    fn sort_value(field: SortField, document: &Self::Document) -> Option<i64>;

    /// Ends every order.
    fn tie_breaker(document: &Self::Document) -> String {
        document.id().to_string()
    }

    fn item(&self, document: &Self::Document) -> Self::Item;

    fn facets(&self, _found: &[&Self::Document]) -> Option<Facets> {
        None
    }
}

type Place = (i64, String);

impl<F: Selects> PageReader<F> for MemoryReader {
    async fn page(&self, request: PageRequest<F>) -> Result<Page<F::Item>, PageError> {
        let state = self.available()?;
        let (tables, point) = match &request.view {
            View::Any | View::Pinned => (&state.searchable, None),
            View::Point(point) => {
                let tables = state.points.get(&point.0).ok_or(PageError::PointGone)?;
                (tables, Some(point.clone()))
            }
        };
        let mut found: Vec<(&F::Document, Place)> = F::Document::table(tables)
            .values()
            .filter(|document| document.version() > 0 && request.filter.selects(document))
            .map(|document| (document, place::<F>(request.sort, document)))
            .collect();
        found.sort_by(|(_, one), (_, other)| match request.sort.descending {
            true => other.cmp(one),
            false => one.cmp(other),
        });
        let documents: Vec<&F::Document> = found.iter().map(|(document, _)| *document).collect();
        let facets = request.filter.facets(&documents);
        let total = found.len() as u64;
        let skipped = match &request.start {
            PageStart::Offset(offset) => *offset,
            PageStart::After(values) => behind(&found, values, request.sort.descending),
        };
        Ok(Page {
            hits: found
                .into_iter()
                .skip(skipped)
                .take(request.limit)
                .map(|(document, (value, id))| Hit {
                    item: request.filter.item(document),
                    sort_values: vec![json!(value), json!(id)],
                })
                .collect(),
            total,
            facets,
            point,
        })
    }

    async fn open_point(&self) -> Result<PointInTime, StoreError> {
        let mut state = self.available()?;
        state.points_opened += 1;
        let point = state.points_opened.to_string();
        let tables = state.searchable.clone();
        state.points.insert(point.clone(), tables);
        Ok(PointInTime(point))
    }

    async fn close_point(&self, point: PointInTime) -> Result<(), StoreError> {
        self.available()?.points.remove(&point.0);
        Ok(())
    }
}

fn place<F: Selects>(sort: Sort, document: &F::Document) -> Place {
    let last = if sort.descending { i64::MIN } else { i64::MAX };
    (
        F::sort_value(sort.field, document).unwrap_or(last),
        F::tie_breaker(document),
    )
}

/// How many come before or at a place, whether or not something stands there.
fn behind<D>(found: &[(&D, Place)], values: &[Value], descending: bool) -> usize {
    let after = (
        values.first().and_then(Value::as_i64).unwrap_or_default(),
        values
            .get(1)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    );
    found
        .iter()
        .take_while(|(_, place)| {
            if descending {
                *place >= after
            } else {
                *place <= after
            }
        })
        .count()
}
