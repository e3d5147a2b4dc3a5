//! What a query was for.

use crate::history::Read;
use shared_events::ConsistencyToken;

/// The path without its parameters.
pub fn resource(read: &Read) -> &str {
    read.path.split('?').next().unwrap_or_default()
}

/// It asks for what was: as of a version or a time, or by a cursor, which may walk through a point in time.
pub fn is_of_the_past(read: &Read) -> bool {
    let parameters = read.path.split_once('?').map_or("", |(_, parameters)| parameters);
    parameters
        .split('&')
        .any(|parameter| parameter.starts_with("as_of=") || parameter.starts_with("cursor="))
}

/// The version that the token names and the one that the answer shows, where it shows the token's document by itself and as
/// it is.
pub fn token_of(token: Option<&str>, read: &Read) -> Option<(u64, u64)> {
    let token: ConsistencyToken = token?.parse().ok()?;
    let alone = resource(read).rsplit('/').next() == Some(token.id.to_string().as_str());
    let shown = read.shown.get(&format!("{}:{}", token.aggregate, token.id))?;
    (alone && !is_of_the_past(read)).then_some((token.version, *shown))
}
