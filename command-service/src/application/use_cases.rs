use std::sync::Arc;

/// The one handler of each command: reads the streams it needs, folds and decides. It writes nothing. Its parts stand in
/// [`super::ordering`] and [`super::invoicing`], one file for each use case.
pub struct UseCases<S> {
    pub(super) store: Arc<S>,
}

impl<S> UseCases<S> {
    pub fn new(store: Arc<S>) -> Self {
        Self { store }
    }
}
