use tracing::{Instrument, Span, debug, error, field, info, info_span, warn};

use super::{Accepted, Command, CommandError, Context, Handler};

/// A span round each command; its outcome is logged here and nowhere else.
pub struct Traced<H>(pub H);

impl<C: Command, H: Handler<C, Answer = Accepted>> Handler<C> for Traced<H> {
    type Answer = Accepted;

    async fn handle(&self, context: &Context, command: &C) -> Result<Accepted, CommandError> {
        let stream = command.stream();
        let span = info_span!(
            "command",
            otel.name = C::TYPE,
            "type" = C::TYPE,
            id = %context.command_id,
            correlation_id = %context.correlation_id,
            aggregate = stream.aggregate.as_str(),
            aggregate_id = %stream.id,
            outcome = field::Empty,
        );
        async {
            let answer = self.0.handle(context, command).await;
            record(&answer);
            answer
        }
        .instrument(span)
        .await
    }
}

fn record(answer: &Result<Accepted, CommandError>) {
    Span::current().record(
        "outcome",
        answer.as_ref().map_or_else(CommandError::kind, |_| "succeeded"),
    );
    match answer {
        Ok(accepted) => debug!(version = accepted.version, "command succeeded"),
        Err(CommandError::Failed(source)) => error!(error = format!("{source:#}"), "command failed"),
        Err(CommandError::Unavailable(source)) => {
            warn!(
                error = format!("{source:#}"),
                "command not run: the event store is unavailable"
            );
        }
        Err(refused) => info!(kind = refused.kind(), detail = %refused, "command refused"),
    }
}
