//! Resources that answer 405 with the methods that they do have, and 404 as a problem beside them.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, Route, web};

use super::problem::{Problem, ProblemKind};

pub type MethodRoute = (Method, Route);

pub fn get<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    on(Method::GET, handler)
}

pub fn post<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    on(Method::POST, handler)
}

pub fn put<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    on(Method::PUT, handler)
}

pub fn delete<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    on(Method::DELETE, handler)
}

fn on<F, Args>(method: Method, handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (method.clone(), web::method(method).to(handler))
}

/// A path with everything that can be done there.
pub fn resource<const N: usize>(path: &str, routes: [MethodRoute; N]) -> Resource {
    let allowed = routes.each_ref().map(|(method, _)| method.as_str()).join(", ");
    routes
        .into_iter()
        .fold(web::resource(path), |resource, (_, route)| resource.route(route))
        .default_service(web::to(move || {
            let problem = Problem::method_not_allowed(&allowed);
            async move { Err::<String, _>(problem) }
        }))
}

/// The answer to every path that no resource has.
pub async fn unknown_path() -> Result<String, Problem> {
    Err(Problem::new(
        ProblemKind::UnknownPath,
        "There is nothing at this path; /docs shows what there is.",
    ))
}
