use std::collections::BTreeSet;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Header, Validation, decode, decode_header};
use serde::Deserialize;

use super::keys::Key;
use super::rejection::Rejection;
use crate::application::bus::{Actor, Rights};
use crate::settings::AuthSettings;

/// What is recorded with each event.
const MAX_SUBJECT_CHARS: usize = 255;

pub fn header(token: &str) -> Result<Header, Rejection> {
    let header = decode_header(token).map_err(|error| rejection(&error))?;
    match header.crit {
        // What must be understood is not.
        Some(_) => Err(Rejection::Malformed),
        None => Ok(header),
    }
}

/// What a token must claim.
pub struct Expected {
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Separated by spaces.
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    scp: Option<Vec<String>>,
}

impl Expected {
    pub fn new(settings: &AuthSettings) -> Self {
        let mut validation = Validation {
            leeway: settings.leeway.as_secs(),
            validate_nbf: true,
            ..Validation::default()
        };
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(settings.issuer.as_slice());
        validation.set_audience(settings.audience.as_slice());
        Self { validation }
    }

    /// Who the token speaks for, and what they may do.
    pub fn actor(&self, token: &str, header: &Header, key: &Key) -> Result<Actor, Rejection> {
        if !key.algorithms.contains(&header.alg) {
            return Err(Rejection::WrongAlgorithm);
        }
        let validation = Validation {
            algorithms: vec![header.alg],
            ..self.validation.clone()
        };
        let claims: Claims = decode(token, &key.decoding, &validation)
            .map_err(|error| rejection(&error))?
            .claims;
        let has_bounds = (1..=MAX_SUBJECT_CHARS).contains(&claims.sub.chars().count());
        if !has_bounds || claims.sub.chars().any(char::is_control) {
            return Err(Rejection::WrongClaims);
        }
        let scopes: BTreeSet<String> = match (claims.scope, claims.scp) {
            (Some(scope), _) => scope.split_ascii_whitespace().map(str::to_owned).collect(),
            (None, Some(scopes)) => scopes.into_iter().collect(),
            (None, None) => BTreeSet::new(),
        };
        Ok(Actor {
            name: claims.sub,
            rights: Rights::Scopes(scopes),
        })
    }
}

fn rejection(error: &Error) -> Rejection {
    match error.kind() {
        ErrorKind::ExpiredSignature => Rejection::Expired,
        ErrorKind::ImmatureSignature => Rejection::NotYetValid,
        ErrorKind::InvalidIssuer => Rejection::WrongIssuer,
        ErrorKind::InvalidAudience => Rejection::WrongAudience,
        ErrorKind::InvalidSignature => Rejection::BadSignature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            Rejection::WrongAlgorithm
        }
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::InvalidSubject => {
            Rejection::WrongClaims
        }
        _ => Rejection::Malformed,
    }
}
