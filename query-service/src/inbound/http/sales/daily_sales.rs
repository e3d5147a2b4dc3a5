use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use crate::application::ports::reading::{DaySales, SalesByDay};
use crate::application::queries::daily_sales::DailySales;
use crate::inbound::http::api_parts::{Conditions, OfLists, Pages};
use crate::inbound::http::parameters::{self, Parameters};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::{List, Money};

/// What was confirmed on a day in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DailySales)]
pub struct DaySalesView {
    /// In UTC.
    pub date: NaiveDate,
    #[schema(minimum = 1, example = 3)]
    pub orders: u64,
    pub revenue: Money,
}

impl From<DaySales> for DaySalesView {
    fn from(day: DaySales) -> Self {
        Self {
            date: day.date,
            orders: day.orders,
            revenue: day.revenue.into(),
        }
    }
}

/// Revenue by day of confirmation, in UTC, and currency, page by page.
///
/// An order counts from its confirmation until it is cancelled. As of the last refresh; with a token as of that version at
/// least.
#[utoipa::path(
    get,
    path = "/v1/sales/daily",
    tag = "sales",
    params(
        ("from" = Option<String>, Query, description = "The first day, such as 2026-01-01."),
        ("to" = Option<String>, Query, description = "The last day, such as 2026-01-31."),
        ("sort" = Option<String>, Query, description = "`created_at` (the day) or `total` (the revenue), descending with `-` before it; `-created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<DaySalesView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfLists,
    )
)]
pub async fn daily_sales(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let query = DailySales {
        from: parameters.one("from", parameters::day),
        to: parameters.one("to", parameters::day),
        paging: parameters.paging::<SalesByDay>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<DaySalesView>::of(listing))
}
