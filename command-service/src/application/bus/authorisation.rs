use super::{Command, CommandError, Context, Handler};

/// Lets only those through who may send the command.
pub struct Authorised<H>(pub H);

impl<C: Command, H: Handler<C>> Handler<C> for Authorised<H> {
    type Answer = H::Answer;

    async fn handle(&self, context: &Context, command: &C) -> Result<H::Answer, CommandError> {
        match context.actor.may(C::SCOPE) {
            true => self.0.handle(context, command).await,
            false => Err(CommandError::Forbidden { scope: C::SCOPE }),
        }
    }
}
