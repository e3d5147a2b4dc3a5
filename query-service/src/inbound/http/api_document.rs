//! The OpenAPI document; `docs/openapi/query-service.json` is a copy that a test keeps up to date.

use std::sync::LazyLock;

use utoipa::OpenApi;

use super::{customers, deliveries, invoices, operations, orders, problem, products, sales};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Query service",
        description = "Listings, searches and details, as the events have it. Errors are problem details (RFC 9457)."
    ),
    paths(
        orders::list_orders::list_orders,
        orders::search_orders::search_orders,
        orders::get_order::get_order,
        orders::changes::all_changes,
        orders::changes::order_changes,
        orders::order_history::order_history,
        customers::list_customers::list_customers,
        customers::get_customer::get_customer,
        products::list_products::list_products,
        products::get_product::get_product,
        invoices::list_invoices::list_invoices,
        invoices::get_invoice::get_invoice,
        deliveries::list_deliveries::list_deliveries,
        deliveries::get_delivery::get_delivery,
        sales::daily_sales::daily_sales,
        sales::product_sales::product_sales,
        sales::orders_by_status::orders_by_status,
        operations::live::live,
        operations::ready::ready,
        operations::healthcheck::healthcheck,
        operations::metrics::metrics,
        operations::openapi::openapi,
    ),
    components(schemas(problem::ProblemBody)),
    tags(
        (name = "orders", description = "Orders."),
        (name = "customers", description = "Customers."),
        (name = "products", description = "Products."),
        (name = "invoices", description = "Invoices, their payments and credit notes."),
        (name = "deliveries", description = "Deliveries of confirmed orders."),
        (name = "sales", description = "Sales figures."),
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
