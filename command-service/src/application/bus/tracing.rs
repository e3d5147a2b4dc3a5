use tracing::{Instrument, Span, debug, error, field, info, info_span, warn};

use super::{Answered, Command, CommandError, Context, Handler};

/// A span round each command; its outcome is logged here and nowhere else.
pub struct Traced<H>(pub H);

impl<C: Command, H: Handler<C, Answer = Answered>> Handler<C> for Traced<H> {
    type Answer = Answered;

    async fn handle(&self, context: &Context, command: &C) -> Result<Answered, CommandError> {
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

fn record(answer: &Result<Answered, CommandError>) {
    Span::current().record(
        "outcome",
        match answer {
            Ok(Answered::Accepted(_)) => "succeeded",
            Ok(Answered::Deferred(_)) => "deferred",
            Err(error) => error.kind(),
        },
    );
    match answer {
        Ok(Answered::Accepted(accepted)) => debug!(version = accepted.version, "command succeeded"),
        Ok(Answered::Deferred(_)) => debug!("command queued"),
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
