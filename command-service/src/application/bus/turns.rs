use tokio::sync::{Mutex, MutexGuard};

use super::{Command, CommandError, Context, Handler};
use crate::application::ports::NumberSeries;

/// Of the commands of this process that take a number of the same series, one decides and commits at a time.
///
/// What makes numbers right is the claim in the commit, which other processes make too. This keeps the commands of one
/// process from losing it to each other again and again.
pub struct InTurn<H>(pub H);

impl<C: Command, H: Handler<C>> Handler<C> for InTurn<H> {
    type Answer = H::Answer;

    async fn handle(&self, context: &Context, command: &C) -> Result<H::Answer, CommandError> {
        let _turn = match C::SERIES {
            Some(series) => Some(turn_of(series).await),
            None => None,
        };
        self.0.handle(context, command).await
    }
}

async fn turn_of(series: NumberSeries) -> MutexGuard<'static, ()> {
    static INVOICES: Mutex<()> = Mutex::const_new(());
    static CREDIT_NOTES: Mutex<()> = Mutex::const_new(());
    match series {
        NumberSeries::Invoice => INVOICES.lock().await,
        NumberSeries::CreditNote => CREDIT_NOTES.lock().await,
    }
}
