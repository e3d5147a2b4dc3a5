//! Indices lost and made anew, replicas behind each other, looks at the past, and what is broken at the same time.

use checker::history::{BEGINS_ANEW, Fault, Lag, Push, Read, Sighting};
use rstest::rstest;

use super::holds;
use crate::story::Story;

const SECOND: u64 = 1_000_000;

fn last_time(story: &Story) -> u64 {
    let reads = story.history.reads.iter().map(|read| read.ended);
    reads.max().expect("somebody read") + 100 * SECOND
}

fn fault(story: &mut Story, name: &str, began: u64, healed: u64) {
    story.history.faults.push(Fault {
        name: name.to_owned(),
        detail: String::new(),
        began,
        healed,
        recovered_after: None,
    });
}

/// The last look of a client at the delivered order.
fn look(story: &Story, client: u32) -> Read {
    let path = format!("/v1/orders/{}", story.delivered);
    let mut reads = story.history.reads.iter().rev();
    let read = reads.find(|read| read.client == client && read.path == path && read.status == Some(200));
    read.expect("it looked").clone()
}

fn shows(story: &mut Story, read: Read, version: u64) -> &mut Read {
    let document = format!("order:{}", story.delivered);
    story.history.reads.push(Read {
        shown: [(document.clone(), version)].into(),
        got_token: Some(format!("{document}:{version}")),
        token: None,
        body: None,
        ..read
    });
    story.history.reads.last_mut().expect("just added")
}

fn sightings(story: &mut Story, index: &str, from: u64, versions: &[Option<u64>]) {
    for (at, version) in versions.iter().enumerate() {
        let id = story.delivered.to_string();
        story.history.sightings.push(Sighting {
            at: from + at as u64 * SECOND,
            index: index.to_owned(),
            id,
            version: *version,
        });
    }
}

fn an_index_is_lost_and_filled_again(story: &mut Story) {
    let began = last_time(story);
    fault(story, "elasticsearch-index-missing", began, began + 3 * SECOND);
    sightings(
        story,
        "orders-1",
        began + SECOND,
        &[None, None, Some(1), Some(4), Some(6)],
    );
    let read = look(story, 3);
    for (after, version) in [(2, 1), (3, 4), (4, 6)] {
        let sent = began + after * SECOND;
        let ended = sent + 10;
        shows(
            story,
            Read {
                sent,
                ended,
                ..read.clone()
            },
            version,
        );
    }
    story.history.rest.as_mut().expect("at rest").last_fault_healed = began + 3 * SECOND;
    story.history.rest.as_mut().expect("at rest").level_at = Some(began + 9 * SECOND);
}

fn a_new_generation_begins_anew(story: &mut Story) {
    let from = last_time(story);
    sightings(story, "orders-2", from, &[None, Some(1), Some(3), Some(6)]);
    sightings(story, "orders-1", from, &[Some(6)]);
}

fn another_replica_is_behind(story: &mut Story) {
    let (read, from) = (look(story, 3), last_time(story));
    let elsewhere = Read {
        replica: 1,
        sent: from,
        ended: from + 10,
        ..read
    };
    shows(story, elsewhere, 3);
}

fn two_looks_at_once_come_back_the_other_way_round(story: &mut Story) {
    let (read, from) = (look(story, 3), last_time(story));
    for (sent, ended, version) in [(0, 50, 6), (10, 20, 5), (5, 60, 4)] {
        let client = 33;
        let (sent, ended) = (from + sent, from + ended);
        let at_once = Read {
            client,
            sent,
            ended,
            ..read.clone()
        };
        shows(story, at_once, version);
    }
}

fn the_past_is_asked_for(story: &mut Story) {
    let (read, from) = (look(story, 3), last_time(story));
    for parameters in ["?as_of=2", "?limit=5&cursor=abc"] {
        let path = format!("{}{parameters}", read.path);
        let past = Read {
            path,
            sent: from,
            ended: from + 10,
            ..read.clone()
        };
        // Its token is still the one that it knows.
        let token = format!("order:{}:6", story.delivered);
        let read = shows(story, past, 2);
        read.token = Some(token.clone());
        read.got_token = Some(token);
    }
}

fn a_list_is_behind_a_detail_and_echoes_the_token(story: &mut Story) {
    let (read, from) = (look(story, 3), last_time(story));
    let list = Read {
        path: "/v1/orders?limit=20".to_owned(),
        sent: from,
        ended: from + 10,
        ..read
    };
    let token = format!("order:{}:4", story.delivered);
    let read = shows(story, list, 5);
    read.token = Some(token.clone());
    read.got_token = Some(token);
}

fn changes_are_told_again_after_a_projector_died(story: &mut Story) {
    let mut again = story.history.changes.last().expect("changes").clone();
    again.offset += 1;
    let client = |number: u32| {
        let pushes = story.history.pushes.iter().rev();
        pushes
            .clone()
            .find(|push| push.client == number)
            .expect("it listens")
            .clone()
    };
    for mut push in [client(1), client(2)] {
        let positions: Vec<String> = push
            .event
            .split(',')
            .map(|position| {
                let (partition, next) = position.split_once(':').expect("a position");
                match partition.parse() == Ok(again.partition) {
                    true => format!("{partition}:{}", again.offset + 1),
                    false => format!("{partition}:{next}"),
                }
            })
            .collect();
        (push.event, push.order, push.version) = (positions.join(","), again.order, again.version);
        story.history.pushes.push(push);
    }
    story.history.changes.push(again);
}

fn a_push_comes_twice_at_a_reconnect(story: &mut Story) {
    let at = story
        .history
        .pushes
        .iter()
        .position(|push| push.connection == 1)
        .expect("a reconnect");
    let mut again = story.history.pushes[at - 1].clone();
    let client = story.history.pushes[at].client;
    let before = story.history.pushes[..at]
        .iter()
        .rposition(|push| push.client == client)
        .expect("told before");
    again.clone_from(&story.history.pushes[before]);
    again.connection = 1;
    story.history.pushes.insert(at, again);
}

fn a_position_is_gone_and_the_client_begins_anew(story: &mut Story) {
    let last = story
        .history
        .pushes
        .iter()
        .rev()
        .find(|push| push.client == 2)
        .expect("it listens")
        .clone();
    story
        .history
        .pushes
        .retain(|push| push.client != 2 || push.connection == 0);
    story.history.pushes.push(Push {
        client: 2 + BEGINS_ANEW,
        connection: 1,
        ..last
    });
}

fn queries_fail_during_a_swap_while_elasticsearch_is_away(story: &mut Story) {
    let rebuild = story.history.rebuilds[0].clone();
    fault(story, "elasticsearch-killed", rebuild.began, rebuild.ended);
    let read = story.history.reads.last_mut().expect("during the swap");
    (read.status, read.problem) = (Some(503), Some("/problems/unavailable".to_owned()));
    story.history.rest.as_mut().expect("at rest").last_fault_healed = rebuild.ended;
}

fn a_token_is_waited_for_in_vain_during_a_swap(story: &mut Story) {
    let read = story.history.reads.last_mut().expect("during the swap");
    (read.status, read.problem) = (Some(503), Some("/problems/not-yet-visible".to_owned()));
}

fn nothing_is_told_of_a_stopped_relay_while_the_database_is_away(story: &mut Story) {
    let frozen = story.history.faults[0].clone();
    fault(story, "postgres-frozen", frozen.began, frozen.healed);
    story.history.lags[2].told = None;
}

fn a_stopped_relay_has_nothing_to_do(story: &mut Story) {
    let lag = story.history.lags[2].clone();
    story.history.lags.push(Lag {
        told: Some(0.0),
        at_least: 0.0,
        ..lag
    });
}

fn more_is_told_of_lag_than_is_certain(story: &mut Story) {
    story.history.lags[0].told = Some(3.0);
}

#[rstest]
#[case(an_index_is_lost_and_filled_again)]
#[case(a_new_generation_begins_anew)]
#[case(another_replica_is_behind)]
#[case(two_looks_at_once_come_back_the_other_way_round)]
#[case(the_past_is_asked_for)]
#[case(a_list_is_behind_a_detail_and_echoes_the_token)]
#[case(changes_are_told_again_after_a_projector_died)]
#[case(a_push_comes_twice_at_a_reconnect)]
#[case(a_position_is_gone_and_the_client_begins_anew)]
#[case(queries_fail_during_a_swap_while_elasticsearch_is_away)]
#[case(a_token_is_waited_for_in_vain_during_a_swap)]
#[case(nothing_is_told_of_a_stopped_relay_while_the_database_is_away)]
#[case(a_stopped_relay_has_nothing_to_do)]
#[case(more_is_told_of_lag_than_is_certain)]
fn what_looks_odd_and_is_right_is_no_violation(#[case] plant: fn(&mut Story)) {
    holds(plant);
}
