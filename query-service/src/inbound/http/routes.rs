//! Resources that can be read, answer 405 to every other method, and 404 as a problem beside them.

use actix_web::{FromRequest, Handler, Resource, Responder, guard, web};

use super::problem::{Problem, ProblemKind};

const ALLOWED: &str = "GET, HEAD";

/// A path that can be read; HEAD answers like GET, without the body.
pub fn resource<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(
            web::route()
                .guard(guard::Any(guard::Get()).or(guard::Head()))
                .to(handler),
        )
        .default_service(web::to(|| async {
            Err::<String, _>(Problem::method_not_allowed(ALLOWED))
        }))
}

/// The answer to every path that no resource has.
pub async fn unknown_path() -> Result<String, Problem> {
    Err(Problem::new(
        ProblemKind::UnknownPath,
        "There is nothing at this path; /docs shows what there is.",
    ))
}
