//! The OpenAPI document, and the answers that its operations share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Object, Ref, RefOr, Type};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, PartialSchema as _, ToSchema};
use uuid::Uuid;

use super::command_api::CommandAnswer;
use super::problem::{MEDIA_TYPE, ProblemBody, ProblemKind};
use super::{commands, operations};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Command service",
        description = "The write side. Every command answers the aggregate's id and version, and a consistency token \
                       that a query of the query service takes. Every refusal is a problem detail (RFC 9457) with a \
                       stable `type`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        commands::register_customer::register_customer,
        commands::rename_customer::rename_customer,
        commands::add_product::add_product,
        commands::rename_product::rename_product,
        commands::change_product_price::change_product_price,
        commands::create_order::create_order,
        commands::add_order_item::add_order_item,
        commands::change_order_item_quantity::change_order_item_quantity,
        commands::remove_order_item::remove_order_item,
        commands::submit_order::submit_order,
        operations::live::live,
        operations::ready::ready,
        operations::healthcheck::healthcheck,
        operations::metrics::metrics,
        operations::openapi::openapi,
    ),
    components(schemas(CommandAnswer, ProblemBody<'static>)),
    modifiers(&ProblemResponses),
    tags(
        (name = "customers", description = "Who orders."),
        (name = "products", description = "The catalogue."),
        (name = "orders", description = "From draft on."),
        (name = "operations", description = "Health, metrics, this document."),
    ),
)]
struct ApiDocument;

/// The document as JSON, made once.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        ApiDocument::openapi()
            .to_pretty_json()
            // Nothing in the document can fail to be written; the tests read it.
            .unwrap_or_default()
    });
    &TEXT
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header")]
pub struct CorrelationId {
    /// Goes with everything that follows from the command; the command's own id if absent.
    #[param(rename = "Correlation-Id")]
    correlation_id: Option<Uuid>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a path")]
pub struct PathId {
    /// The aggregate.
    id: Uuid,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a path")]
pub struct PathProductId {
    /// The product of the line.
    product_id: Uuid,
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// 201 of a command that creates.
pub struct Created;

impl IntoResponses for Created {
    fn responses() -> Responses {
        let response = answer("Created.").header("Location", header("The path of what was created."));
        [("201".to_owned(), response.build().into())].into()
    }
}

/// 200 of any other command.
pub struct Done;

impl IntoResponses for Done {
    fn responses() -> Responses {
        [("200".to_owned(), answer("Done.").build().into())].into()
    }
}

/// 404 where the path names something.
pub struct Missing;

impl IntoResponses for Missing {
    fn responses() -> Responses {
        problems(&[StatusCode::NOT_FOUND])
    }
}

/// Of every command with a body.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        let mut responses = RefusalsWithoutBody::responses();
        responses.append(&mut problems(&[StatusCode::UNSUPPORTED_MEDIA_TYPE]));
        responses
    }
}

/// Of every command; one without a body still reads what comes in its place.
pub struct RefusalsWithoutBody;

impl IntoResponses for RefusalsWithoutBody {
    fn responses() -> Responses {
        problems(&[
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::SERVICE_UNAVAILABLE,
        ])
    }
}

fn answer(description: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(description)
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(CommandAnswer::name())))
                .build(),
        )
        .header("ETag", header("The aggregate's version in quotes."))
        .header("Consistency-Token", header("As in the body."))
        .header("Correlation-Id", header("The request's, else the command's id."))
}

/// One answer for each status, written once for the whole document.
fn problems(statuses: &[StatusCode]) -> Responses {
    let reference = |status: &StatusCode| Ref::from_response_name(problem_name(*status)).into();
    statuses
        .iter()
        .map(|status| (status.as_u16().to_string(), reference(status)))
        .collect()
}

fn problem_name(status: StatusCode) -> String {
    format!("Problem{}", status.as_u16())
}

/// The answers that [`problems`] refers to, each with the types that come with it.
struct ProblemResponses;

impl Modify for ProblemResponses {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let responses = &mut document.components.get_or_insert_default().responses;
        for kind in ProblemKind::ALL {
            let status = kind.status();
            responses
                .entry(problem_name(status))
                .or_insert_with(|| problem_response(status).into());
        }
    }
}

fn problem_response(status: StatusCode) -> Response {
    let mut description = status.canonical_reason().unwrap_or_default().to_owned();
    for kind in ProblemKind::ALL.iter().filter(|kind| kind.status() == status) {
        description.push_str(&format!("\n- `{}`: {}.", kind.type_uri(), kind.title()));
    }
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemBody::name())))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, body)
        .header("Correlation-Id", header("The request's, else the command's id."));
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::Integer)))
                .description(Some("Seconds after which to try again."))
                .build();
            response.header("Retry-After", seconds)
        }
        StatusCode::METHOD_NOT_ALLOWED => response.header("Allow", header("The methods that there are.")),
        _ => response,
    }
    .build()
}

fn header(description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(String::schema()))
        .description(Some(description))
        .build()
}
