use std::fmt::Debug;

use crate::aggregate::{Aggregate, replay};

/// What an aggregate decides: `Scenario::given(events).when(command).then(events)`.
#[derive(Debug)]
#[must_use = "a scenario without an ending tests nothing"]
pub struct Scenario<A: Aggregate> {
    past: Vec<A::Event>,
}

/// A scenario in which something was asked for.
#[must_use = "a scenario without an ending tests nothing"]
pub struct Decision<A: Aggregate> {
    past: Vec<A::Event>,
    answer: Result<Vec<A::Event>, A::Refusal>,
}

impl<A> Scenario<A>
where
    A: Aggregate + Debug + PartialEq,
    A::Event: Debug + PartialEq,
    A::Refusal: Debug + PartialEq,
{
    pub fn given(past: impl IntoIterator<Item = A::Event>) -> Self {
        Self {
            past: past.into_iter().collect(),
        }
    }

    pub fn when(self, command: A::Command) -> Decision<A> {
        let answer = match replay::<A>(&self.past) {
            Ok(Some(state)) => state.decide(command),
            Ok(None) => panic!("a command needs an aggregate: use Scenario::creating, or give events"),
            Err(misfit) => panic!("the given events cannot follow one another: {misfit}"),
        };
        Decision {
            past: self.past,
            answer,
        }
    }

    /// Of an aggregate that is not there yet.
    pub fn creating(creation: A::Creation) -> Decision<A> {
        Decision {
            past: vec![],
            answer: A::create(creation),
        }
    }
}

impl<A> Decision<A>
where
    A: Aggregate + Debug + PartialEq,
    A::Event: Debug + PartialEq,
    A::Refusal: Debug + PartialEq,
{
    /// Decided exactly these events, and they can follow the past.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        self.then_state(expected);
    }

    /// As [`Self::then`], and answers the state that they lead to.
    #[track_caller]
    pub fn then_state(self, expected: impl IntoIterator<Item = A::Event>) -> A {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(self.answer.as_ref(), Ok(&expected));
        match replay::<A>(self.past.iter().chain(&expected)) {
            Ok(Some(state)) => state,
            other => panic!("the decided events cannot follow the given ones: {other:?}"),
        }
    }

    /// Succeeded without changing anything.
    #[track_caller]
    pub fn then_nothing_happened(self) {
        self.then([]);
    }

    #[track_caller]
    pub fn then_refused(self, expected: A::Refusal) {
        assert_eq!(self.answer, Err(expected));
    }
}
