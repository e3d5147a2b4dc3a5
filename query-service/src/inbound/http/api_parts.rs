//! What the OpenAPI document says of many endpoints: parameters, and problems by status.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

use super::problem::MEDIA_TYPE;

/// What every query takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes parameters that are read elsewhere")]
pub struct Conditions {
    /// From an answer: wait until this one includes that version of that aggregate.
    #[param(rename = "Consistency-Token")]
    consistency_token: Option<String>,
    /// `wait=<seconds>`: how long to wait for the token; 2 if absent, 30 at most.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
    /// An `ETag` that the client has: 304 if it still holds.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters that are read elsewhere")]
pub struct Pages {
    /// Items on a page; 20 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
    /// Items before the page; with `limit` at most 10,000. Further on, use `cursor`.
    #[param(maximum = 9999)]
    offset: Option<u16>,
    /// `next_cursor` of the page before, with the same filters and sort.
    cursor: Option<String>,
}

fn problem(description: &str) -> RefOr<Response> {
    ResponseBuilder::new()
        .description(description)
        .content(
            MEDIA_TYPE,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build(),
        )
        .build()
        .into()
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn everywhere() -> Responses {
    let not_modified = ResponseBuilder::new()
        .description("The client has this representation.")
        .build();
    [
        ("304", not_modified.into()),
        ("405", problem("`method-not-allowed`, with `Allow`.")),
        ("431", problem("`head-too-large`.")),
        ("500", problem("`internal-error`.")),
        (
            "503",
            problem(
                "`not-yet-visible`, `overloaded`, `unavailable`, `deadline-exceeded`, with `Retry-After`.",
            ),
        ),
    ]
    .map(|(status, response)| (status.to_owned(), response))
    .into()
}

/// What the query of one document may be answered beside it.
pub struct OfDetails;

impl IntoResponses for OfDetails {
    fn responses() -> Responses {
        let mut responses = everywhere();
        let malformed = "`malformed-id`, `malformed-token`, `malformed-header`, `invalid-parameter`.";
        responses.insert("400".to_owned(), problem(malformed));
        responses.insert(
            "404".to_owned(),
            problem("`not-found`; with `as_of` also `unknown-version`, `not-yet-created`."),
        );
        responses
    }
}

/// What a list may be answered beside its pages.
pub struct OfLists;

impl IntoResponses for OfLists {
    fn responses() -> Responses {
        let mut responses = everywhere();
        let malformed = "`invalid-parameter`, `forged-cursor`, `malformed-token`, `malformed-header`.";
        responses.insert("400".to_owned(), problem(malformed));
        let expired = "`cursor-expired`: begin again without a cursor.";
        responses.insert("410".to_owned(), problem(expired));
        responses
    }
}

/// A list that belongs to a document.
pub struct OfHistory;

impl IntoResponses for OfHistory {
    fn responses() -> Responses {
        let mut responses = OfLists::responses();
        let malformed =
            "`malformed-id`, `invalid-parameter`, `forged-cursor`, `malformed-token`, `malformed-header`.";
        responses.insert("400".to_owned(), problem(malformed));
        responses.insert("404".to_owned(), problem("`not-found`."));
        responses
    }
}
