//! What an aggregate is.

/// An aggregate decides on its past events, folded into a state, and answers new events or a typed refusal. All three
/// functions are pure and total: they never panic, whatever they are given.
pub trait Aggregate: Sized {
    /// The command that starts a stream; it has no past to decide on.
    type Creation;
    /// The commands to an aggregate that is there.
    type Command;
    type Event;
    type Refusal;

    /// The events that start the stream: at least one.
    fn create(creation: Self::Creation) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The events that follow from the command; none where it changes nothing.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after the event; `None` is the state before the first one.
    fn evolve(state: Option<Self>, event: &Self::Event) -> Result<Self, Misfit>;
}

/// An event that cannot stand where it stands in its stream: no decision led to it. Deciding on such a stream would
/// build on nonsense, so that it is an error rather than skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("the stream does not begin with the event that creates it")]
    BeforeCreation,
    #[error("the stream is created twice")]
    CreatedTwice,
    #[error("the order's items changed after it was submitted, or it was submitted twice")]
    NotADraft,
    #[error("the aggregate's status does not allow the event, or the event names another status")]
    WrongStatus,
    #[error("the product changed after it was discontinued")]
    Discontinued,
    #[error("a line that the order does not have was changed")]
    NoSuchLine,
    #[error("a line's price, currency, quantity or amount leaves its bounds")]
    OutOfBounds,
    #[error("a total or a sum so far is not the one that the events before lead to")]
    WrongTotal,
    #[error("the event names another order than the one that is invoiced")]
    OtherOrder,
}

/// Folds the events of a stream, oldest first; `None` without any.
pub fn replay<'a, A>(events: impl IntoIterator<Item = &'a A::Event>) -> Result<Option<A>, Misfit>
where
    A: Aggregate,
    A::Event: 'a,
{
    events
        .into_iter()
        .try_fold(None, |state, event| A::evolve(state, event).map(Some))
}
