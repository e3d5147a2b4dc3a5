//! The OpenAPI document; `docs/openapi/query-service.json` is a copy that a test keeps up to date.

use std::sync::LazyLock;

use utoipa::OpenApi;

use super::{operations, orders, problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Query service",
        description = "Listings, searches and details of orders, as the events have it. Errors are problem details (RFC 9457)."
    ),
    paths(
        orders::list_orders::list_orders,
        orders::search_orders::search_orders,
        orders::get_order::get_order,
        orders::changes::all_changes,
        orders::changes::order_changes,
        operations::live::live,
        operations::ready::ready,
        operations::healthcheck::healthcheck,
        operations::metrics::metrics,
        operations::openapi::openapi,
    ),
    components(schemas(problem::ProblemBody)),
    tags(
        (name = "orders", description = "Orders."),
        (name = "operations", description = "For operators and their tools; served by every role."),
    )
)]
struct ApiDocument;

/// As JSON, ending with a newline.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // A document of strings and maps; that it can be written is tested.
        let json = ApiDocument::openapi().to_pretty_json().unwrap_or_default();
        format!("{json}\n")
    });
    &TEXT
}
