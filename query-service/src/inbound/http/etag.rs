//! Validators of representations. Names change without the document's version, so the version alone does not tell two
//! representations apart.

use actix_web::http::header::{self, HeaderMap};
use sha2::{Digest as _, Sha256};

pub fn of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let digits: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// Whether the client has it already, by `If-None-Match`.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|values| values.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}
