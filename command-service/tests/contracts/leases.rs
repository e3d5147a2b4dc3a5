//! What [`Leases`] promise to those who share the buckets, and to who reserves some.

use std::collections::{BTreeMap, BTreeSet};

use command_service::application::ports::{BUCKETS, Lease, Leases};
use uuid::Uuid;

use crate::SharedBuckets;
use crate::commits::{every_bucket, new_id};

fn buckets_of(leases: &[Lease]) -> BTreeSet<u16> {
    leases.iter().map(|lease| lease.bucket).collect()
}

/// Lets the owners balance, one after the other, until they have had time to agree.
async fn settled(leases: &impl Leases, owners: &[Uuid]) -> BTreeMap<Uuid, Vec<Lease>> {
    let mut held = BTreeMap::new();
    for _ in 0..4 {
        for owner in owners {
            held.insert(*owner, leases.balance(*owner, &[]).await.unwrap());
        }
    }
    held
}

pub async fn an_owner_alone_holds_every_bucket(shared: &impl SharedBuckets) {
    let leases = shared.leases().balance(new_id(), &[]).await.unwrap();
    assert_eq!(leases.len(), usize::from(BUCKETS));
    assert_eq!(buckets_of(&leases), every_bucket().into_iter().collect());
}

pub async fn a_renewed_lease_keeps_its_epoch(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let owner = new_id();
    let by_bucket = |mut leases: Vec<Lease>| {
        leases.sort_by_key(|lease| lease.bucket);
        leases
    };
    let taken = by_bucket(leases.balance(owner, &[]).await.unwrap());
    let renewed = by_bucket(leases.balance(owner, &every_bucket()).await.unwrap());
    assert_eq!(renewed, taken);
}

pub async fn two_owners_share_without_overlap(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (first, second) = (new_id(), new_id());
    leases.balance(first, &[]).await.unwrap();
    let none = leases.balance(second, &[]).await.unwrap();
    assert_eq!(none, [], "what another holds is not taken");
    let held = settled(&*leases, &[first, second]).await;
    assert_eq!((held[&first].len(), held[&second].len()), (8, 8));
    assert!(buckets_of(&held[&first]).is_disjoint(&buckets_of(&held[&second])));
}

pub async fn five_owners_share_fairly(shared: &impl SharedBuckets) {
    let owners = [(); 5].map(|()| new_id());
    let held = settled(&*shared.leases(), &owners).await;
    let mut shares: Vec<usize> = held.values().map(Vec::len).collect();
    shares.sort_unstable();
    assert_eq!(shares, [3, 3, 3, 3, 4]);
    let all: BTreeSet<u16> = held.values().flat_map(|leases| buckets_of(leases)).collect();
    assert_eq!(all.len(), usize::from(BUCKETS));
}

pub async fn owners_beyond_the_buckets_wait(shared: &impl SharedBuckets) {
    let owners: Vec<Uuid> = (0..BUCKETS + 2).map(|_| new_id()).collect();
    let held = settled(&*shared.leases(), &owners).await;
    let mut shares: Vec<usize> = held.values().map(Vec::len).collect();
    shares.sort_unstable();
    assert_eq!(shares[..2], [0, 0]);
    assert!(shares[2..].iter().all(|share| *share == 1), "{shares:?}");
}

pub async fn a_busy_bucket_is_not_given_back(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (busy, idle) = (new_id(), new_id());
    leases.balance(busy, &[]).await.unwrap();
    leases.balance(idle, &[]).await.unwrap();
    let kept = leases.balance(busy, &every_bucket()).await.unwrap();
    assert_eq!(kept.len(), usize::from(BUCKETS));
    assert_eq!(leases.balance(idle, &[]).await.unwrap(), []);
    let in_use = [3, 5, 7];
    let kept = buckets_of(&leases.balance(busy, &in_use).await.unwrap());
    assert_eq!(kept.len(), 8);
    assert!(in_use.iter().all(|bucket| kept.contains(bucket)));
}

pub async fn released_leases_are_taken_over_at_once(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (leaving, staying) = (new_id(), new_id());
    let before = leases.balance(leaving, &[]).await.unwrap();
    leases.release(leaving).await.unwrap();
    let after = leases.balance(staying, &[]).await.unwrap();
    assert_eq!(after.len(), usize::from(BUCKETS), "who left has no share");
    assert_epochs_grew(&before, &after);
    leases.release(new_id()).await.unwrap();
}

pub async fn expired_leases_are_taken_over_under_a_new_epoch(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let before = leases.balance(new_id(), &[]).await.unwrap();
    shared.expire_leases().await;
    let after = leases.balance(new_id(), &[]).await.unwrap();
    assert_eq!(after.len(), usize::from(BUCKETS), "who died has no share");
    assert_epochs_grew(&before, &after);
}

fn assert_epochs_grew(before: &[Lease], after: &[Lease]) {
    for new in after {
        let old = before.iter().find(|old| old.bucket == new.bucket).unwrap();
        assert!(new.epoch > old.epoch, "{old:?} {new:?}");
    }
}

pub async fn who_slept_through_a_take_over_learns_of_it(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (sleeper, successor) = (new_id(), new_id());
    leases.balance(sleeper, &[]).await.unwrap();
    shared.expire_leases().await;
    leases.balance(successor, &[]).await.unwrap();
    let left = leases.balance(sleeper, &every_bucket()).await.unwrap();
    assert_eq!(left, [], "busy or not, another holds them now");
}

pub async fn a_free_bucket_is_reserved_at_once(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (reserver, owner) = (new_id(), new_id());
    let held = leases.reserve(reserver, &[1, 2]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([1, 2]));
    let rest = buckets_of(&leases.balance(owner, &[]).await.unwrap());
    assert_eq!(
        rest,
        every_bucket()
            .into_iter()
            .filter(|bucket| ![1, 2].contains(bucket))
            .collect()
    );
    let renewed = leases.reserve(reserver, &[]).await.unwrap();
    assert_eq!(renewed, held, "renewing takes no new epoch");
}

pub async fn a_reserved_bucket_is_given_back_unless_busy(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (reserver, owner, third) = (new_id(), new_id(), new_id());
    let before = leases.balance(owner, &[]).await.unwrap();
    assert_eq!(leases.reserve(reserver, &[1, 2]).await.unwrap(), []);
    let kept = buckets_of(&leases.balance(owner, &[1]).await.unwrap());
    assert!(kept.contains(&1) && !kept.contains(&2), "{kept:?}");
    for other in [owner, third] {
        let held = leases.balance(other, &every_bucket()).await.unwrap();
        assert!(!buckets_of(&held).contains(&2), "it waits for who reserved it");
    }
    let held = leases.reserve(reserver, &[1, 2]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([2]));
    assert_epochs_grew(&before, &held);
    leases.balance(owner, &[]).await.unwrap();
    let held = leases.reserve(reserver, &[]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([1, 2]));
    assert_epochs_grew(&before, &held);
}

pub async fn a_reservation_lapses(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (reserver, other, owner) = (new_id(), new_id(), new_id());
    let before = leases.reserve(reserver, &every_bucket()).await.unwrap();
    assert_eq!(before.len(), usize::from(BUCKETS));
    assert_eq!(leases.balance(owner, &[]).await.unwrap(), []);
    shared.expire_leases().await;
    let reserved = leases.reserve(other, &[3]).await.unwrap();
    assert_eq!(buckets_of(&reserved), BTreeSet::from([3]));
    let after = leases.balance(owner, &[]).await.unwrap();
    assert_eq!(after.len(), usize::from(BUCKETS) - 1);
    assert_epochs_grew(&before, &after);
    assert_epochs_grew(&before, &reserved);
}

pub async fn two_reservers_do_not_get_one_bucket(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (first, second) = (new_id(), new_id());
    let held = leases.reserve(first, &[1, 2, 3]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([1, 2, 3]));
    let held = leases.reserve(second, &[2, 3, 4]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([4]));
    // Nor where one of them waits for an owner.
    let owner = new_id();
    leases.balance(owner, &[]).await.unwrap();
    assert_eq!(
        buckets_of(&leases.reserve(first, &[9]).await.unwrap()),
        BTreeSet::from([1, 2, 3])
    );
    leases.reserve(second, &[9]).await.unwrap();
    leases.balance(owner, &[]).await.unwrap();
    let held = leases.reserve(second, &[9]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([4]));
    let held = leases.reserve(first, &[9]).await.unwrap();
    assert_eq!(buckets_of(&held), BTreeSet::from([1, 2, 3, 9]));
}

pub async fn of_reservers_at_once_each_bucket_goes_to_one(shared: &impl SharedBuckets) {
    let reservers: Vec<_> = (0..6)
        .map(|_| {
            let (leases, reserver) = (shared.leases(), new_id());
            tokio::spawn(async move {
                for _ in 0..5 {
                    leases.reserve(reserver, &every_bucket()).await.unwrap();
                }
                leases.reserve(reserver, &every_bucket()).await.unwrap()
            })
        })
        .collect();
    let mut held = Vec::new();
    for reserver in reservers {
        held.extend(reserver.await.unwrap().iter().map(|lease| lease.bucket));
    }
    held.sort_unstable();
    assert_eq!(held, every_bucket());
}

pub async fn what_is_given_back_is_shared_again(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (reserver, owner) = (new_id(), new_id());
    let before = leases.reserve(reserver, &[1, 2]).await.unwrap();
    leases.give_back(owner, &[1, 2]).await.unwrap();
    assert_eq!(
        leases.balance(owner, &[]).await.unwrap().len(),
        14,
        "it was not the owner's to give"
    );
    leases.give_back(reserver, &[1, 5]).await.unwrap();
    let held = leases.balance(owner, &[]).await.unwrap();
    assert_eq!(held.len(), 15);
    let back = held.iter().find(|lease| lease.bucket == 1).unwrap();
    assert_epochs_grew(&before, &[*back]);
    assert_eq!(
        buckets_of(&leases.reserve(reserver, &[]).await.unwrap()),
        BTreeSet::from([2])
    );
}

pub async fn who_is_released_has_no_reservations(shared: &impl SharedBuckets) {
    let leases = shared.leases();
    let (reserver, owner) = (new_id(), new_id());
    leases.reserve(reserver, &[1, 2]).await.unwrap();
    leases.balance(owner, &[]).await.unwrap();
    leases.reserve(reserver, &[7]).await.unwrap();
    leases.release(reserver).await.unwrap();
    assert_eq!(
        leases.balance(owner, &[]).await.unwrap().len(),
        usize::from(BUCKETS)
    );
    assert_eq!(leases.reserve(reserver, &[]).await.unwrap(), []);
}
