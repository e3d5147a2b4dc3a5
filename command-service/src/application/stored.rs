//! The list of all commands: what a queued one is run by.

use super::UseCases;
use super::bus::{Answered, Command, CommandBus, CommandError, Context, Decided, Handler};
use super::invoicing::{IssueCreditNote, IssueInvoice, ReceivePayment};
use super::ordering::{
    AddOrderItem, AddProduct, CancelOrder, ChangeBillingAddress, ChangeDeliveryAddress,
    ChangeOrderItemQuantity, ChangeProductDimensions, ChangeProductPrice, ConfirmOrder, ConfirmPaidOrder,
    CreateOrder, DeliverOrder, DiscontinueProduct, RegisterCustomer, RemoveOrderItem, RenameCustomer,
    RenameProduct, ShipOrder, SubmitOrder,
};
use super::ports::{Clock, CommandStore, EventStore, Ids, QueuedCommand, TakenCommand};

/// Declares what can be queued, by [`Command::TYPE`].
macro_rules! stored_commands {
    ($($command:ident),* $(,)?) => {
        /// The types of all commands.
        pub const TYPES: &[&str] = &[$($command::TYPE),*];

        /// Runs a command out of the queue through the bus, as itself: with its id, actor and causes. Fails for a type or
        /// a body that this build does not know; a later build may.
        pub async fn run_stored<S, K, I>(
            bus: &CommandBus<S, K, I>,
            taken: &TakenCommand,
        ) -> Result<Answered, CommandError>
        where
            S: EventStore + CommandStore,
            K: Clock,
            I: Ids,
        {
            let context = Context::of_queued(&taken.command, taken.place);
            match taken.command.command_type.as_str() {
                $($command::TYPE => run::<$command, _, _, _>(bus, &context, &taken.command).await,)*
                unknown => Err(CommandError::Failed(anyhow::anyhow!(
                    "the queued command {} has the type {unknown}, which this build does not know",
                    context.command_id
                ))),
            }
        }
    };
}

stored_commands! {
    // Customers
    RegisterCustomer,
    RenameCustomer,
    ChangeBillingAddress,
    ChangeDeliveryAddress,
    // Products
    AddProduct,
    RenameProduct,
    ChangeProductPrice,
    ChangeProductDimensions,
    DiscontinueProduct,
    // Orders
    CreateOrder,
    AddOrderItem,
    ChangeOrderItemQuantity,
    RemoveOrderItem,
    SubmitOrder,
    ConfirmOrder,
    ConfirmPaidOrder,
    ShipOrder,
    DeliverOrder,
    CancelOrder,
    // Invoices
    IssueInvoice,
    ReceivePayment,
    IssueCreditNote,
}

async fn run<C, S, K, I>(
    bus: &CommandBus<S, K, I>,
    context: &Context,
    queued: &QueuedCommand,
) -> Result<Answered, CommandError>
where
    C: Command,
    UseCases<S>: Handler<C, Answer = Decided>,
    S: EventStore + CommandStore,
    K: Clock,
    I: Ids,
{
    let command = C::from_body(queued.body.clone()).map_err(|unreadable| {
        let told = format!("the queued {} {}", C::TYPE, context.command_id);
        CommandError::Failed(anyhow::Error::new(unreadable).context(told))
    })?;
    bus.execute(context, &command).await
}
