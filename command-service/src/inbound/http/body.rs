//! Reads a request's body: bounded in size and time, and strict about what it holds.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::problem::{Problem, ProblemKind};

/// What a body may cost; in the app's data.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub max_bytes: usize,
    pub timeout: Duration,
}

/// What a command's body says.
pub trait Body: Sized + 'static {
    /// Before the body is read.
    fn check(request: &HttpRequest) -> Result<(), Problem>;

    fn parse(text: &[u8]) -> Result<Self, Problem>;
}

/// A JSON body of this shape.
impl<T: DeserializeOwned + 'static> Body for T {
    fn check(request: &HttpRequest) -> Result<(), Problem> {
        check_media_type(request)
    }

    fn parse(text: &[u8]) -> Result<Self, Problem> {
        parse(text)
    }
}

/// The body of a command that takes none: nothing, of whatever media type, or `{}`.
pub struct NoBody;

impl Body for NoBody {
    fn check(_: &HttpRequest) -> Result<(), Problem> {
        Ok(())
    }

    fn parse(text: &[u8]) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}

        if !text.trim_ascii().is_empty() {
            parse::<Nothing>(text)?;
        }
        Ok(Self)
    }
}

fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    // Compressed bodies are not read: a small one could unfold into more than the limit.
    if header(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            "The body must not have a content coding.",
        ));
    }
    let media_type = header(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::UnsupportedMediaType,
        "The body must be application/json.",
    ))
}

/// Takes the payload at once, and reads it when it is awaited.
pub fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let limits = request.app_data::<BodyLimits>().copied().unwrap_or(BodyLimits {
        max_bytes: 256 * 1024,
        timeout: Duration::from_secs(5),
    });
    let mut payload = payload.take();
    async move {
        tokio::time::timeout(limits.timeout, collect(&mut payload, limits.max_bytes))
            .await
            .unwrap_or_else(|_| {
                Err(Problem::new(
                    ProblemKind::SlowClient,
                    format!("The body did not arrive within {:?}.", limits.timeout),
                ))
            })
    }
}

async fn collect(payload: &mut Payload, max_bytes: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            ProblemKind::BodyTooLarge,
            format!("The body may have {max_bytes} bytes."),
        )
    };
    let Some(first) = payload.next().await.transpose().map_err(broken_payload)? else {
        return Ok(Bytes::new());
    };
    if first.len() > max_bytes {
        return Err(too_large());
    }
    // Nearly every body comes in one piece, which is then not copied.
    let Some(second) = payload.next().await.transpose().map_err(broken_payload)? else {
        return Ok(first);
    };
    let mut body = BytesMut::from(&first[..]);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
        next = payload.next().await.transpose().map_err(broken_payload)?;
    }
    Ok(body.freeze())
}

fn broken_payload(error: PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::new(ProblemKind::BodyTooLarge, "The body is too large."),
        _ => Problem::new(ProblemKind::MalformedRequest, "The body could not be read."),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // The path of a mistake is only looked for once there is one.
    serde_json::from_slice(body).or_else(|_| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| {
                let pointer = pointer(error.path());
                refuse(pointer, &error.into_inner())
            })
            .and_then(|value| {
                deserializer
                    .end()
                    .map_err(|error| refuse("#".to_owned(), &error))?;
                Ok(value)
            })
    })
}

fn refuse(pointer: String, error: &serde_json::Error) -> Problem {
    let kind = match error.classify() {
        serde_json::error::Category::Data => ProblemKind::InvalidBody,
        _ => ProblemKind::MalformedJson,
    };
    Problem::at(kind, pointer, error.to_string())
}

/// A JSON pointer as a URI fragment, as RFC 9457 shows it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = "#".to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => _ = write!(pointer, "/{index}"),
            Segment::Map { key } => _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
