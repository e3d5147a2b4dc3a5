//! Who sends a request: nobody in particular where nothing is configured, else the subject of a bearer JWT.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};

mod keys;
mod rejection;
mod rotation;
mod token;

pub use keys::Keys;

use super::problem::Problem;
use crate::application::bus::Actor;
use crate::settings::AuthSettings;
use rejection::Rejection;
use rotation::RotatingKeys;
use token::Expected;

/// How requests are authenticated; in the app's data of those paths that need it.
pub enum Authentication {
    /// Everybody may do everything, and is recorded as `anonymous`.
    Off,
    Bearer(Box<Bearer>),
}

/// Takes tokens that one of the issuer's keys signed for this audience.
pub struct Bearer {
    keys: RotatingKeys,
    expected: Expected,
}

impl Authentication {
    /// The keys are read at once, and again when a token names one that is not among them. Fails with a sentence where
    /// they cannot be read.
    pub fn new(settings: &AuthSettings) -> Result<Self, String> {
        let Some(path) = &settings.keys_file else {
            return Ok(Self::Off);
        };
        let expected = Expected::new(settings);
        let keys = RotatingKeys::open(path.clone())?;
        Ok(Self::Bearer(Box::new(Bearer { keys, expected })))
    }
}

impl Bearer {
    async fn actor(&self, request: &HttpRequest) -> Result<Actor, Rejection> {
        let token = bearer_token(request)?;
        let header = token::header(token)?;
        let key = self.keys.find(header.kid.as_deref()).await?;
        self.expected.actor(token, &header, &key)
    }
}

/// The one token of the request.
fn bearer_token(request: &HttpRequest) -> Result<&str, Rejection> {
    let mut given = request.headers().get_all(AUTHORIZATION);
    let credentials = given.next().ok_or(Rejection::NoToken)?;
    if given.next().is_some() {
        return Err(Rejection::Malformed);
    }
    let credentials = credentials.to_str().map_err(|_| Rejection::Malformed)?;
    match credentials.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Rejection::NoToken),
    }
}

/// Who sends the request.
pub async fn authenticate(request: &HttpRequest) -> Result<Actor, Problem> {
    match request.app_data::<Arc<Authentication>>().map(Arc::as_ref) {
        Some(Authentication::Off) => Ok(Actor::anonymous()),
        Some(Authentication::Bearer(bearer)) => bearer.actor(request).await.map_err(|rejection| {
            metrics::counter!("http_unauthenticated_total", "reason" => rejection.reason()).increment(1);
            rejection.into()
        }),
        None => {
            tracing::error!("a path that needs authentication has none");
            Err(Problem::internal_error())
        }
    }
}

/// Somebody who may do what `SCOPE` grants, on a path that is no command.
pub struct Authenticated(pub Actor);

impl Authenticated {
    pub fn must(&self, scope: &str) -> Result<(), Problem> {
        match self.0.may(scope) {
            true => Ok(()),
            false => Err(Problem::forbidden(scope)),
        }
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

/// At most how often the keys are read again.
const REREAD_INTERVAL: Duration = Duration::from_secs(5);
