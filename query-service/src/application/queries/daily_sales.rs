//! Revenue by day of confirmation, in UTC, and currency.

use chrono::NaiveDate;
use read_model::Kind;
use shared_events::ConsistencyToken;

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{DaySales, GroupReader, SalesByDay};

#[derive(Debug, Clone, PartialEq)]
pub struct DailySales {
    /// Inclusive, both.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub paging: Paging,
}

impl Query for DailySales {
    const NAME: &'static str = "daily_sales";
    const PROJECTIONS: &'static [Kind] = &[Kind::Sale];
    type Answer = Listing<DaySales>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        awaiting::sales(token)
    }
}

pub struct DailySalesHandler<R>(pub Lists<R>);

impl<R: GroupReader<SalesByDay>> QueryHandler<DailySales> for DailySalesHandler<R> {
    async fn handle(&self, query: &DailySales, context: &Context) -> Outcome<DailySales> {
        let days = SalesByDay {
            from: query.from,
            to: query.to,
        };
        self.0
            .groups(DailySales::NAME, days, &query.paging, context)
            .await
    }
}
