//! Where records go that cannot be processed.

use std::future::Future;

use super::StoreError;

pub trait DeadLetters: Send + Sync + 'static {
    /// Returns once the broker has acknowledged it.
    fn bury(&self, letter: DeadLetter) -> impl Future<Output = Result<(), StoreError>> + Send;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// A stable word, such as `undecodable` or `refused-by-mapping`.
    pub kind: &'static str,
    /// The whole chain of causes, for a person.
    pub cause: String,
    /// The name of the projection that could not take it.
    pub projection: Option<String>,
}
