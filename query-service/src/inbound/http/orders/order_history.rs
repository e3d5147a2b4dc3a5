use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_events::OrderEvent;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ports::reading::HistoryFilter;
use crate::application::queries::order_history::{HistoryItem, OrderHistory};
use crate::inbound::http::api_parts::{Conditions, OfHistory, Pages};
use crate::inbound::http::parameters::{Parameters, path_id};
use crate::inbound::http::problem::Problem;
use crate::inbound::http::query_api::{QueryApi, page};
use crate::inbound::http::views::List;

/// An event of the order: who did what when, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryItem)]
pub struct HistoryItemView {
    /// The order's version with it.
    #[schema(minimum = 1, example = 1)]
    pub version: u64,
    #[schema(example = "ordering.orders.OrderCreatedV1")]
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    /// The subject of the bearer token, `anonymous`, or the policy that wanted it.
    pub actor: String,
    pub command_id: Uuid,
    /// What led to it: the command, or the event before that.
    pub causation_id: Uuid,
    /// The same in all that one command led to.
    pub correlation_id: Uuid,
    /// The event's own fields.
    #[schema(value_type = Object)]
    pub data: OrderEvent,
}

impl From<HistoryItem> for HistoryItemView {
    fn from(item: HistoryItem) -> Self {
        let entry = item.entry;
        Self {
            version: entry.version,
            event_type: entry.event_type,
            occurred_at: entry.occurred_at,
            actor: entry.actor,
            command_id: entry.command_id,
            causation_id: entry.causation_id,
            correlation_id: entry.correlation_id,
            data: item.event,
        }
    }
}

/// An order's events, page by page, the first one first.
///
/// As of the last refresh, a few hundred milliseconds ago at most; with a token as of that version at least.
#[utoipa::path(
    get,
    path = "/v1/orders/{id}/history",
    tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order."),
        ("sort" = Option<String>, Query, description = "`created_at`, the first one first, or `-created_at`, the last one first; `created_at` if absent."),
        Pages,
        Conditions,
    ),
    responses(
        (status = 200, description = "A page.", body = List<HistoryItemView>, headers(
            ("ETag" = String, description = "Covers the whole representation."),
            ("Consistency-Token" = String, description = "The one of the request, if it had one."),
            ("Projection-Lag" = f64, description = "Seconds by which what it was read from is behind; absent while that is not known."),
        )),
        OfHistory,
    )
)]
pub async fn order_history(request: HttpRequest, api: web::Data<QueryApi>) -> Result<HttpResponse, Problem> {
    let order_id = path_id(&request, "id")?;
    let mut parameters = Parameters::of(&request);
    let query = OrderHistory {
        order_id,
        paging: parameters.paging::<HistoryFilter>(),
    };
    parameters.finish()?;
    let listing = api.ask(&request, &query).await?;
    page(&request, &List::<HistoryItemView>::of(listing))
}
