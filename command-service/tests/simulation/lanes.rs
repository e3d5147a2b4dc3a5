//! What a sharer does while it waits.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use command_service::application::ports::Lease;
use command_service::outbound::memory::MemoryLeases;
use command_service::sharing::{Outcome, Report, Sharer, SharingSettings, Wake, Work};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Fails for one bucket at first, and takes long for the others after that.
#[derive(Default)]
struct Slow(AtomicUsize);

impl Work for Slow {
    async fn run(&self, leases: Vec<Lease>) -> Vec<Report> {
        let is_first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        if !is_first {
            // The work itself, in simulated time.
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let of = |(at, lease): (usize, Lease)| Report {
            lease,
            outcome: match is_first && at == 0 {
                true => Outcome::Failed,
                false => Outcome::Done { more: is_first },
            },
        };
        leases.into_iter().enumerate().map(of).collect()
    }
}

/// It once asked itself for ever whether it may, with a processor of its own.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_due_waits_quietly_while_every_lane_is_busy() {
    let settings = SharingSettings {
        role: "test",
        lanes: NonZeroUsize::MIN,
        spread: false,
        heartbeat: Duration::from_secs(1),
        lease_ttl: Duration::from_secs(5),
        poll_min: Duration::from_secs(1),
        poll_max: Duration::from_secs(1),
        back_off_min: Duration::from_millis(50),
        back_off_max: Duration::from_millis(50),
        stop_timeout: Duration::from_secs(1),
    };
    let leases = Arc::new(MemoryLeases::new(Arc::default(), TimeDelta::seconds(5)));
    let sharer = Sharer::new(
        leases,
        Arc::new(Slow::default()),
        Arc::new(Wake::default()),
        Uuid::from_u128(1),
        settings,
    );
    let stop = CancellationToken::new();
    let mut run = Box::pin(sharer.run(stop.clone()));
    let mut polls = 0;
    let watched = std::future::poll_fn(|context| {
        polls += 1;
        assert!(polls < 1_000, "it spins");
        run.as_mut().poll(context)
    });
    tokio::spawn({
        let stop = stop.clone();
        async move {
            // How long it is watched: simulated time, in which the lane is still busy.
            tokio::time::sleep(Duration::from_secs(8)).await;
            stop.cancel();
        }
    });
    watched.await;
}
