//! Stores of a test's own round the one in memory.

/// Passes what such a store does with accepted commands on to the store in its field `memory`.
macro_rules! commands_in_memory {
    ($store:ty) => {
        const _: () = {
            use std::time::Duration;

            use command_service::application::ports::{
                AcceptedCommand, CommandStore, IdempotencyKey, KeyedCommand, QueuedCommand, StoreError,
            };
            use uuid::Uuid;

            impl CommandStore for $store {
                async fn command(&self, id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
                    CommandStore::command(&*self.memory, id).await
                }

                async fn command_of_key(
                    &self,
                    actor: &str,
                    key: &str,
                ) -> Result<Option<KeyedCommand>, StoreError> {
                    self.memory.command_of_key(actor, key).await
                }

                async fn enqueue(
                    &self,
                    command: QueuedCommand,
                    key: Option<IdempotencyKey>,
                ) -> Result<(), StoreError> {
                    self.memory.enqueue(command, key).await
                }

                async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
                    self.memory.forget_keys(older_than, limit).await
                }
            }
        };
    };
}
