use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ports::{AcceptedCommand, CommandOutcome, CommandStatus};
use crate::inbound::http::api_document::{CorrelationId, Missing, PathCommandId, ReadRefusals, Shown};
use crate::inbound::http::authentication::Authenticated;
use crate::inbound::http::command_api::{CONSISTENCY_TOKEN, CommandAnswer, CommandApi, Wiring};
use crate::inbound::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::inbound::http::request_context::path_id;

/// What a client's token must grant to see commands and what came of them, its own or not.
const SCOPE: &str = "commands:read";

/// A command that was accepted, wherever it stands.
#[derive(Serialize, ToSchema)]
pub struct CommandView<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "submit-order")]
    command_type: &'a str,
    status: CommandViewStatus,
    /// Null until it is decided; of one that succeeded what a command answers, else the problem.
    outcome: Option<Outcome<'a>>,
    #[schema(example = "order")]
    aggregate: &'a str,
    aggregate_id: Uuid,
    actor: &'a str,
    received_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    /// What caused it: an event's id, or its own id where a client sent it.
    causation_id: Uuid,
    correlation_id: Uuid,
    /// That failed, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// Why the last attempt failed, while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CommandStatus)]
pub enum CommandViewStatus {
    Pending,
    Running,
    Succeeded,
    Refused,
    Failed,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CommandOutcome)]
pub enum Outcome<'a> {
    Succeeded(CommandAnswer),
    Problem(ProblemBody<'a>),
}

/// Show a command
///
/// Where it stands and what came of it.
#[utoipa::path(
    get,
    path = "/v1/commands/{id}",
    tag = "commands",
    params(PathCommandId, CorrelationId),
    responses(Shown, Missing, ReadRefusals)
)]
pub async fn show_command<W: Wiring>(
    api: web::Data<CommandApi<W>>,
    request: HttpRequest,
    actor: Authenticated,
) -> Result<HttpResponse, Problem> {
    actor.must(SCOPE)?;
    let id = path_id(&request, "id")?;
    let Some(command) = api.command(id).await? else {
        return Err(Problem::new(
            ProblemKind::NotFound,
            format!("There is no command {id}."),
        ));
    };
    Ok(answer(&command))
}

fn answer(command: &AcceptedCommand) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    let (status, decided_at) = match &command.status {
        CommandStatus::Pending { .. } => (CommandViewStatus::Pending, None),
        CommandStatus::Running => (CommandViewStatus::Running, None),
        CommandStatus::Decided { outcome, at } => (status_of(outcome), *at),
    };
    let (attempts, last_error) = match &command.status {
        CommandStatus::Pending { attempts, last_error } => (Some(*attempts), last_error.as_deref()),
        _ => (None, None),
    };
    let problem = problem_of(command);
    let outcome = match (&command.status, &problem) {
        (_, Some(problem)) => Some(Outcome::Problem(problem.body())),
        (
            CommandStatus::Decided {
                outcome: CommandOutcome::Succeeded { version },
                ..
            },
            None,
        ) => {
            let answer = CommandAnswer::of(command.stream, *version);
            response.insert_header((CONSISTENCY_TOKEN, answer.consistency_token.as_str()));
            Some(Outcome::Succeeded(answer))
        }
        _ => {
            response.insert_header((header::RETRY_AFTER, "1"));
            None
        }
    };
    response.json(CommandView {
        id: command.command_id,
        command_type: &command.command_type,
        status,
        outcome,
        aggregate: command.stream.aggregate.as_str(),
        aggregate_id: command.stream.id,
        actor: &command.actor,
        received_at: command.received_at,
        decided_at,
        causation_id: command.causation_id,
        correlation_id: command.correlation_id,
        attempts,
        last_error,
    })
}

fn status_of(outcome: &CommandOutcome) -> CommandViewStatus {
    match outcome {
        CommandOutcome::Succeeded { .. } => CommandViewStatus::Succeeded,
        CommandOutcome::Refused(_) => CommandViewStatus::Refused,
        CommandOutcome::Failed { .. } => CommandViewStatus::Failed,
    }
}

fn problem_of(command: &AcceptedCommand) -> Option<Problem> {
    let CommandStatus::Decided { outcome, .. } = &command.status else {
        return None;
    };
    match outcome {
        CommandOutcome::Succeeded { .. } => None,
        CommandOutcome::Refused(refusal) => Some(Problem::recorded(refusal)),
        CommandOutcome::Failed { detail } => Some(Problem::new(ProblemKind::InternalError, detail.clone())),
    }
}
