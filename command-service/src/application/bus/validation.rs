use super::{Command, CommandError, Context, Handler};

/// What is wrong with a command although each of its fields is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Bounded before anything is read for them.
    #[error("{pointer} has {count} items, at most {max} are allowed")]
    TooManyItems {
        pointer: &'static str,
        count: usize,
        max: usize,
    },
}

impl Invalid {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooManyItems { .. } => "too-many-items",
        }
    }

    /// The place in the command's body, as a JSON pointer.
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::TooManyItems { pointer, .. } => pointer,
        }
    }
}

/// Lets only valid commands through, so that nothing is read or recorded for others.
pub struct Validated<H>(pub H);

impl<C: Command, H: Handler<C>> Handler<C> for Validated<H> {
    type Answer = H::Answer;

    async fn handle(&self, context: &Context, command: &C) -> Result<H::Answer, CommandError> {
        command.validate()?;
        self.0.handle(context, command).await
    }
}
