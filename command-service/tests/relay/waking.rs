//! Commits wake relays in other processes.

use std::time::Duration;

use command_service::application::ports::EventStore;
use command_service::outbound::bucket::bucket_of;
use command_service::outbound::postgres::{PgEventStore, Wakes, announce, listen};
use command_service::sharing::{ALL_BUCKETS, mask_of};
use tokio_util::sync::CancellationToken;

use crate::support::TestDatabase;
use crate::support::events::{append, new_customer};

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_wakes_a_relay_in_another_process_also_after_the_connections_were_cut() {
    let database = TestDatabase::create().await;
    let (here, there) = (Wakes::default(), Wakes::default());
    let stop = CancellationToken::new();
    let announcing = tokio::spawn(announce(database.settings.clone(), here.clone(), stop.clone()));
    let listening = tokio::spawn(listen(database.settings.clone(), there.clone(), stop.clone()));
    assert_eq!(
        soon(there.outbox.near()).await,
        ALL_BUCKETS,
        "what came before it listened is looked for"
    );

    let store = PgEventStore::new(database.open(), here);
    let customer = new_customer();
    store.commit(append(customer, 0, 1)).await.unwrap();
    assert_eq!(soon(there.outbox.near()).await, mask_of(bucket_of(customer.id)));

    database
        .as_owner()
        .await
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    assert_eq!(soon(there.outbox.near()).await, ALL_BUCKETS, "it listens again");
    // The first announcement may be lost with the cut connection.
    let woken = async {
        for version in 1.. {
            // So may the first commit's.
            let _ = store.commit(append(customer, version, 1)).await;
            let again = tokio::time::timeout(Duration::from_secs(2), there.outbox.near()).await;
            if again.is_ok_and(|buckets| buckets == mask_of(bucket_of(customer.id))) {
                return;
            }
        }
    };
    soon(woken).await;
    stop.cancel();
    announcing.await.unwrap();
    listening.await.unwrap();
}
