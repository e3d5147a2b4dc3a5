//! The consumer groups that feed generations.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::settings::KafkaSettings;
use crate::application::ports::Generation;

/// A projector that feeds a generation notices within seconds that it is gone, and leaves the group.
const MEMBERS_LEAVE_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("the brokers cannot be asked to delete a consumer group")]
    Unreachable(#[source] KafkaError),
    #[error("the brokers refuse to delete the consumer group {group}: {code}")]
    Refused { group: String, code: RDKafkaErrorCode },
}

/// Forgets how far a generation that is not there was fed: one of the same name begins at the topics' beginning.
pub async fn forget(settings: &KafkaSettings, generation: Generation) -> Result<(), GroupError> {
    let group = settings.group(generation);
    // Deleting asks for the group's coordinator, and a cluster that never had a group has none: librdkafka would wait for it.
    if !is_there(settings, &group).await? {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> = settings
        .client_config()
        .create()
        .map_err(GroupError::Unreachable)?;
    let began = Instant::now();
    loop {
        let deleted = admin
            .delete_groups(&[&group], &AdminOptions::new())
            .await
            .map_err(GroupError::Unreachable)?;
        let refused = deleted.into_iter().find_map(Result::err).map(|(_, code)| code);
        match refused {
            None => {
                tracing::info!(group, "consumer group deleted");
                return Ok(());
            }
            Some(RDKafkaErrorCode::GroupIdNotFound) => return Ok(()),
            // Its members are about to leave, or its coordinator is being found.
            Some(
                RDKafkaErrorCode::NonEmptyGroup
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress,
            ) if began.elapsed() < MEMBERS_LEAVE_WITHIN => tokio::time::sleep(LOOK_AGAIN).await,
            Some(code) => return Err(GroupError::Refused { group, code }),
        }
    }
}

/// Whether the brokers know a group of that name, with members or without.
async fn is_there(settings: &KafkaSettings, group: &str) -> Result<bool, GroupError> {
    let admin: AdminClient<DefaultClientContext> = settings
        .client_config()
        .create()
        .map_err(GroupError::Unreachable)?;
    let group = group.to_owned();
    // The library has no other way to ask than to block.
    let listed = tokio::task::spawn_blocking(move || -> KafkaResult<bool> {
        let listed = admin
            .inner()
            .fetch_group_list(Some(&group), BROKERS_ANSWER_WITHIN)?;
        Ok(listed.groups().iter().any(|found| found.name() == group))
    });
    match listed.await {
        Ok(listed) => listed.map_err(GroupError::Unreachable),
        Err(_) => Ok(true),
    }
}
