//! The OpenAPI document, and the answers that its operations share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Object, Ref, RefOr, Type};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, PartialSchema as _, ToSchema};
use uuid::Uuid;

use super::command_api::{CommandAnswer, DeferredAnswer};
use super::commands::show_command::CommandView;
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
        commands::change_billing_address::change_billing_address,
        commands::change_delivery_address::change_delivery_address,
        commands::change_product_dimensions::change_product_dimensions,
        commands::discontinue_product::discontinue_product,
        commands::confirm_order::confirm_order,
        commands::ship_order::ship_order,
        commands::deliver_order::deliver_order,
        commands::cancel_order::cancel_order,
        commands::receive_payment::receive_payment,
        commands::show_command::show_command,
        operations::live::live,
        operations::ready::ready,
        operations::healthcheck::healthcheck,
        operations::metrics::metrics,
        operations::openapi::openapi,
    ),
    components(schemas(CommandAnswer, DeferredAnswer, CommandView<'static>, ProblemBody<'static>)),
    modifiers(&ProblemResponses, &BearerScheme),
    tags(
        (name = "customers", description = "Who orders."),
        (name = "products", description = "The catalogue."),
        (name = "orders", description = "From draft to delivery."),
        (name = "invoices", description = "What is paid."),
        (name = "commands", description = "What became of them."),
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
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes headers")]
pub struct CommandHeaders {
    /// Goes with everything that follows from the command; the command's own id if absent.
    #[param(rename = "Correlation-Id")]
    correlation_id: Option<Uuid>,
    /// A repeat under the same key is answered as the first was, and changes nothing. 1 to 255 visible ASCII characters.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
    /// The versions that the command is meant for, as an `ETag` shows them, or `*`: at another one it is refused (412).
    #[param(
        rename = "If-Match",
        pattern = r#"^(\*|"[1-9][0-9]{0,17}"(, *"[1-9][0-9]{0,17}")*)$"#,
        example = "\"3\""
    )]
    if_match: Option<String>,
    /// `respond-async` answers 202 with the place where the outcome will be.
    #[param(rename = "Prefer", example = "respond-async")]
    prefer: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes a path")]
pub struct PathCommandId {
    /// The command.
    id: Uuid,
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
        [
            ("201".to_owned(), response.build().into()),
            ("202".to_owned(), deferred().into()),
        ]
        .into()
    }
}

/// 200 of any other command.
pub struct Done;

impl IntoResponses for Done {
    fn responses() -> Responses {
        [
            ("200".to_owned(), answer("Done.").build().into()),
            ("202".to_owned(), deferred().into()),
        ]
        .into()
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
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::PRECONDITION_REQUIRED,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::SERVICE_UNAVAILABLE,
        ])
    }
}

/// 200 of a look at a command.
pub struct Shown;

impl IntoResponses for Shown {
    fn responses() -> Responses {
        let response = json_answer("Where it stands.", &CommandView::name())
            .header("Consistency-Token", header("Of a command that succeeded."))
            .header(
                "Retry-After",
                header("Seconds, of a command that is not decided."),
            )
            .header("Correlation-Id", header("The request's, else one of its own."));
        [("200".to_owned(), response.build().into())].into()
    }
}

/// Of every look.
pub struct ReadRefusals;

impl IntoResponses for ReadRefusals {
    fn responses() -> Responses {
        problems(&[
            StatusCode::BAD_REQUEST,
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::SERVICE_UNAVAILABLE,
        ])
    }
}

fn deferred() -> Response {
    json_answer("Accepted, to be decided later.", &DeferredAnswer::name())
        .header(
            "Location",
            header("The path that shows the command and its outcome."),
        )
        .header("Preference-Applied", header("`respond-async`."))
        .header("Correlation-Id", header("The request's, else the command's id."))
        .build()
}

fn json_answer(description: &str, schema: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
}

fn answer(description: &str) -> ResponseBuilder {
    json_answer(description, &CommandAnswer::name())
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

/// The token, on every path but the operators'; where no authentication is configured none is needed.
struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        const NAME: &str = "bearer";
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme(NAME, SecurityScheme::Http(scheme));
        for (path, item) in &mut document.paths.paths {
            if !path.starts_with("/v1/") {
                continue;
            }
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                let none = SecurityRequirement::default();
                let token = SecurityRequirement::new(NAME, Vec::<String>::new());
                operation.security = Some(vec![none, token]);
            }
        }
    }
}

/// The commands of the document that are sent to an aggregate that is there, such as `PUT /v1/products/{id}/price`.
pub fn routes_with_version() -> Vec<String> {
    let mut routes = Vec::new();
    for (path, item) in ApiDocument::openapi().paths.paths {
        let operations = [("POST", item.post), ("PUT", item.put), ("DELETE", item.delete)];
        for (method, operation) in operations {
            if operation.is_some() && path.contains('{') {
                routes.push(format!("{method} {path}"));
            }
        }
    }
    routes
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
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => response.header(
            "WWW-Authenticate",
            header("`Bearer`, with what is wrong with the token."),
        ),
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
