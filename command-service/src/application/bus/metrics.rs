use std::time::Instant;

use metrics::{counter, histogram};

use super::{Command, CommandError, Context, Handler};

/// Counts commands by outcome and measures how long they take, retries included.
pub struct Measured<H>(pub H);

impl<C: Command, H: Handler<C>> Handler<C> for Measured<H> {
    type Answer = H::Answer;

    async fn handle(&self, context: &Context, command: &C) -> Result<H::Answer, CommandError> {
        let start = Instant::now();
        let answer = self.0.handle(context, command).await;
        let outcome = answer.as_ref().map_or_else(CommandError::kind, |_| "succeeded");
        counter!("commands_total", "type" => C::TYPE, "outcome" => outcome).increment(1);
        histogram!("command_seconds", "type" => C::TYPE).record(start.elapsed());
        answer
    }
}
