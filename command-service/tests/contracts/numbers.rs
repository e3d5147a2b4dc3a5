//! Series of numbers without a gap.

use command_service::application::ports::{
    CommandStore, Commit, EventStore, NumberClaim, NumberSeries, StoreError,
};

use crate::Adapters;
use crate::commits::{append, key, new_order};

fn claim(series: NumberSeries, number: i64) -> Commit {
    let claim = Some(NumberClaim { series, number });
    Commit {
        claim,
        ..append(new_order(), 0, 1)
    }
}

async fn last(adapters: &impl Adapters) -> [i64; 2] {
    let store = adapters.store();
    let [invoice, credit_note] = NumberSeries::ALL;
    [
        store.last_number(invoice).await.unwrap(),
        store.last_number(credit_note).await.unwrap(),
    ]
}

pub async fn a_claim_moves_its_series_and_no_other(adapters: &impl Adapters) {
    let store = adapters.store();
    assert_eq!(last(adapters).await, [0, 0]);
    store.commit(claim(NumberSeries::Invoice, 1)).await.unwrap();
    store.commit(claim(NumberSeries::Invoice, 2)).await.unwrap();
    assert_eq!(last(adapters).await, [2, 0]);
    store.commit(claim(NumberSeries::CreditNote, 1)).await.unwrap();
    assert_eq!(last(adapters).await, [2, 1]);
}

pub async fn a_claim_of_any_other_number_is_a_conflict_and_leaves_nothing(adapters: &impl Adapters) {
    let store = adapters.store();
    store.commit(claim(NumberSeries::Invoice, 1)).await.unwrap();
    for number in [0, 1, 3] {
        let commit = claim(NumberSeries::Invoice, number);
        let answer = store.commit(commit.clone()).await;
        assert!(
            matches!(answer, Err(StoreError::Conflict)),
            "{number}: {answer:?}"
        );
        let stored = store.read(&[commit.command.stream], None).await.unwrap();
        assert_eq!(stored[0].events, []);
        assert_eq!(store.command(commit.command.command_id).await.unwrap(), None);
    }
    assert_eq!(last(adapters).await, [1, 0]);
}

pub async fn what_is_not_committed_takes_no_number(adapters: &impl Adapters) {
    let store = adapters.store();
    let mut first = append(new_order(), 0, 1);
    first.key = Some(key("once"));
    store.commit(first.clone()).await.unwrap();

    let mut used_key = claim(NumberSeries::Invoice, 1);
    used_key.key = Some(key("once"));
    let answer = store.commit(used_key).await;
    assert!(matches!(answer, Err(StoreError::DuplicateKey)), "{answer:?}");
    let mut again = claim(NumberSeries::Invoice, 1);
    again.command.command_id = first.command.command_id;
    let answer = store.commit(again).await;
    assert!(matches!(answer, Err(StoreError::DuplicateCommand)), "{answer:?}");
    for expected_version in [0, 2] {
        let stale = Commit {
            claim: claim(NumberSeries::Invoice, 1).claim,
            ..append(first.command.stream, expected_version, 1)
        };
        let answer = store.commit(stale).await;
        assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
    }
    assert_eq!(last(adapters).await, [0, 0]);
    store.commit(claim(NumberSeries::Invoice, 1)).await.unwrap();
}

pub async fn of_concurrent_claims_of_one_number_exactly_one_wins(adapters: &impl Adapters) {
    let rivals: Vec<_> = (0..20)
        .map(|_| {
            let store = adapters.store();
            tokio::spawn(async move { store.commit(claim(NumberSeries::Invoice, 1)).await })
        })
        .collect();
    let mut won = 0;
    for rival in rivals {
        match rival.await.unwrap() {
            Ok(()) => won += 1,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("neither won nor lost: {error:?}"),
        }
    }
    assert_eq!((won, last(adapters).await), (1, [1, 0]));
}

pub async fn who_claims_again_until_it_wins_leaves_no_gap(adapters: &impl Adapters) {
    let claimants: Vec<_> = (0..20)
        .map(|_| {
            let store = adapters.store();
            tokio::spawn(async move {
                loop {
                    let number = store.last_number(NumberSeries::Invoice).await.unwrap() + 1;
                    match store.commit(claim(NumberSeries::Invoice, number)).await {
                        Ok(()) => return number,
                        Err(StoreError::Conflict) => {}
                        Err(error) => panic!("neither won nor lost: {error:?}"),
                    }
                }
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for claimant in claimants {
        numbers.push(claimant.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<i64>>());
    assert_eq!(last(adapters).await, [20, 0]);
}
