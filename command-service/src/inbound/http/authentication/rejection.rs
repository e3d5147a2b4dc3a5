use super::super::problem::Problem;

/// Why a request has no actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    NoToken,
    Malformed,
    UnknownKey,
    WrongAlgorithm,
    BadSignature,
    Expired,
    NotYetValid,
    WrongIssuer,
    WrongAudience,
    WrongClaims,
}

impl Rejection {
    /// A label of metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "no-token",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown-key",
            Self::WrongAlgorithm => "wrong-algorithm",
            Self::BadSignature => "bad-signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongIssuer => "wrong-issuer",
            Self::WrongAudience => "wrong-audience",
            Self::WrongClaims => "wrong-claims",
        }
    }

    /// Nothing that the client did not send itself.
    fn detail(self) -> &'static str {
        match self {
            Self::NoToken => "The request needs a header Authorization: Bearer with a JWT.",
            Self::Malformed => "The bearer token is not a JWT.",
            Self::UnknownKey => "The token's key is not known.",
            Self::WrongAlgorithm => "The token's algorithm does not fit its key.",
            Self::BadSignature => "The token's signature is wrong.",
            Self::Expired => "The token has expired.",
            Self::NotYetValid => "The token is not valid yet.",
            Self::WrongIssuer => "The token is of another issuer.",
            Self::WrongAudience => "The token is for another audience.",
            Self::WrongClaims => {
                "The token needs the claims exp, iss, aud and sub; sub has 1 to 255 characters without control characters."
            }
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.detail();
        let challenge = match rejection {
            // RFC 6750: no error where nothing was tried.
            Rejection::NoToken => "Bearer realm=\"commands\"".to_owned(),
            _ => {
                format!("Bearer realm=\"commands\", error=\"invalid_token\", error_description=\"{detail}\"")
            }
        };
        Self::unauthenticated(detail, challenge)
    }
}
