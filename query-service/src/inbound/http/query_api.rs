//! The door to the query bus: bounded in how many queries are in work.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde::Serialize;
use shared_events::ConsistencyToken;

use super::admission::Admission;
use super::consistency::{self, CONSISTENCY_TOKEN, PROJECTED_VERSION, PROJECTION_LAG};
use super::etag;
use super::problem::{Problem, ProblemKind};
use crate::application::freshness::lag::ProjectionLags;
use crate::application::queries::bus::Routes;
use crate::application::queries::{Query, QueryBus};

pub struct QueryApi {
    bus: QueryBus,
    admission: Arc<Admission>,
    lags: Arc<ProjectionLags>,
    /// How long a query may take beside its wait for a consistency token.
    allowance: Duration,
}

/// How fresh an answer is, for its headers.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLag(Duration);

impl AnswerLag {
    pub fn header(self) -> (HeaderName, String) {
        (PROJECTION_LAG, format!("{:.3}", self.0.as_secs_f64()))
    }
}

impl QueryApi {
    pub fn new(
        bus: QueryBus,
        admission: Arc<Admission>,
        lags: Arc<ProjectionLags>,
        allowance: Duration,
    ) -> Self {
        Self {
            bus,
            admission,
            lags,
            allowance,
        }
    }

    pub async fn ask<Q>(&self, request: &HttpRequest, query: &Q) -> Result<Q::Answer, Problem>
    where
        Q: Query,
        Q::Refusal: Into<Problem>,
        QueryBus: Routes<Q>,
    {
        let context = consistency::context(request, self.allowance)?;
        let _place = self.admission.enter().await?;
        let answer = self.bus.ask(query, &context).await.map_err(Problem::from)?;
        // Put into the answer's head where every answer passes.
        if let Some(lag) = self.lags.longest(Q::PROJECTIONS) {
            request.extensions_mut().insert(AnswerLag(lag));
        }
        Ok(answer)
    }
}

/// 200 with a page. What the request's token named is included, so the token goes back with it.
pub fn page(request: &HttpRequest, body: &impl Serialize) -> Result<HttpResponse, Problem> {
    answer(request, body, None)
}

/// 200 with a document, whose token goes with it if there is one.
pub fn detail(
    request: &HttpRequest,
    body: &impl Serialize,
    shown: impl Into<Option<ConsistencyToken>>,
) -> Result<HttpResponse, Problem> {
    answer(request, body, shown.into())
}

/// 304 where the client has this very representation.
fn answer(
    request: &HttpRequest,
    body: &impl Serialize,
    shown: Option<ConsistencyToken>,
) -> Result<HttpResponse, Problem> {
    let body = json(body)?;
    let etag = etag::of(&body);
    let not_modified = etag::is_known(request.headers(), &etag);
    let mut response = match not_modified {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    match (shown, request.headers().get(&CONSISTENCY_TOKEN)) {
        (Some(shown), known) => {
            response
                .insert_header((CONSISTENCY_TOKEN, consistency::newer(shown, known).to_string()))
                .insert_header((PROJECTED_VERSION, shown.version));
        }
        (None, Some(token)) => {
            response.insert_header((CONSISTENCY_TOKEN, token));
        }
        (None, None) => {}
    }
    if not_modified {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

pub fn json(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Problem::new(ProblemKind::InternalError, "The query failed.")
    })
}
