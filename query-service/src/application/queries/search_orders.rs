//! Orders found by words, with what was matched and how the whole result spreads over states, months and customers.

use chrono::{DateTime, Utc};
use read_model::{Kind, OrderStatus};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{OrderFilter, OrderHit, PageReader};

#[derive(Debug, Clone, PartialEq)]
pub struct SearchOrders {
    /// Every word must be found, with tolerance for typing errors; all orders without one.
    pub text: Option<SearchText>,
    pub customer_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<OrderStatus>,
    /// Inclusive.
    pub created_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_to: Option<DateTime<Utc>>,
    pub paging: Paging,
}

/// A text that is small enough to be searched for: words, never syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsearchableText {
    #[error("a search text has at most {} characters", SearchText::MAX_CHARACTERS)]
    TooLong,
    #[error("a search text has at most {} words", SearchText::MAX_WORDS)]
    TooManyWords,
}

impl SearchText {
    pub const MAX_CHARACTERS: usize = 256;
    /// Each word is a handful of clauses, and a tolerant clause may grow to dozens of terms.
    pub const MAX_WORDS: usize = 16;

    /// `None` for a text without a word. Control characters separate words like blanks do.
    pub fn parse(text: &str) -> Result<Option<Self>, UnsearchableText> {
        if text.chars().count() > Self::MAX_CHARACTERS {
            return Err(UnsearchableText::TooLong);
        }
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        match words.len() {
            0 => Ok(None),
            1..=Self::MAX_WORDS => Ok(Some(Self(words.join(" ")))),
            _ => Err(UnsearchableText::TooManyWords),
        }
    }

    /// The words, one blank between two.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Query for SearchOrders {
    const NAME: &'static str = "search_orders";
    const PROJECTIONS: &'static [Kind] = &[Kind::Order];
    /// With facets.
    type Answer = Listing<OrderHit>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            AggregateType::Order => awaiting::listed(Kind::Order, token),
            _ => awaiting::with_kept_names(token),
        }
    }
}

pub struct SearchOrdersHandler<R>(pub Lists<R>);

impl<R: PageReader<OrderFilter>> QueryHandler<SearchOrders> for SearchOrdersHandler<R> {
    async fn handle(&self, query: &SearchOrders, context: &Context) -> Outcome<SearchOrders> {
        let filter = OrderFilter {
            text: query.text.as_ref().map(|text| text.as_str().to_owned()),
            customer_id: query.customer_id,
            status: query.status.clone(),
            created_from: query.created_from,
            created_to: query.created_to,
            with_facets: true,
        };
        self.0
            .page(SearchOrders::NAME, filter, &query.paging, context)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_words() {
        let text = SearchText::parse("  Ada\tLovelace\u{0}chair ")
            .expect("short")
            .expect("has words");
        assert_eq!(text.as_str(), "Ada Lovelace chair");
        assert_eq!(SearchText::parse(" \u{0} \n"), Ok(None));
    }

    #[test]
    fn a_text_has_a_bound() {
        assert!(SearchText::parse(&"x".repeat(256)).is_ok());
        assert_eq!(
            SearchText::parse(&"ü".repeat(257)),
            Err(UnsearchableText::TooLong)
        );
        assert_eq!(
            SearchText::parse(&"a ".repeat(17)),
            Err(UnsearchableText::TooManyWords)
        );
    }
}
