//! Pushes, rebuilds, accounts, figures, and the end of the run.

use checker::history::{DeadLetter, LeftOver};
use uuid::Uuid;

use super::{Planted, planted};

pub const FAULTS: &[Planted] = &[
    planted(
        "a change was missed while a client reconnected",
        &["I11"],
        |story| {
            let pushes = &mut story.history.pushes;
            let first = pushes.iter().position(|push| push.connection == 1);
            pushes.remove(first.expect("somebody reconnected"));
        },
    ),
    planted(
        "the last change was never pushed to one client",
        &["I11"],
        |story| {
            let pushes = &mut story.history.pushes;
            let last = pushes.iter().rposition(|push| push.client == 2);
            pushes.remove(last.expect("somebody listened"));
        },
    ),
    planted("a change of a name was never pushed", &["I11"], |story| {
        let order = story.taken_back;
        let pushes = &mut story.history.pushes;
        let last = pushes
            .iter()
            .rposition(|push| push.client == 1 && push.order == order);
        pushes.remove(last.expect("it was pushed"));
    }),
    planted(
        "an order's last change was never told to anybody",
        &["I11"],
        |story| {
            let order = story.draft;
            story.history.changes.retain(|change| change.order != order);
            story.history.pushes.retain(|push| push.order != order);
        },
    ),
    planted("a push is of a version that was never told", &["I11"], |story| {
        story.history.pushes.last_mut().expect("a push").version -= 1;
    }),
    planted("a rebuilt index differs from the live one", &["I12"], |story| {
        story.history.rebuilds[0].differing = 2;
    }),
    planted("a rebuilt index was compared with nothing", &["I12"], |story| {
        story.history.rebuilds[0].compared = 0;
    }),
    planted("a query failed during the swap", &["I12"], |story| {
        let read = story.history.reads.last_mut().expect("somebody read");
        (read.status, read.problem) = (Some(500), Some("/problems/internal-error".to_owned()));
    }),
    planted(
        "a query failed during the swap while a relay was frozen",
        &["I12"],
        |story| {
            let read = story.history.reads.last_mut().expect("somebody read");
            (read.status, read.problem) = (Some(500), Some("/problems/internal-error".to_owned()));
            let frozen = &mut story.history.faults[0];
            (frozen.began, frozen.healed) = (read.sent, read.ended);
        },
    ),
    planted("a query's connection broke during the swap", &["I12"], |story| {
        story.history.reads.last_mut().expect("somebody read").status = None;
    }),
    planted(
        "a record was consumed and skipped in silence",
        &["I13"],
        |story| {
            *story.history.accounts[0]
                .outcomes
                .get_mut("applied")
                .expect("counted") -= 1;
        },
    ),
    planted("nobody counts what is consumed", &["I13"], |story| {
        story.history.dead_letters.clear();
        story.history.records.retain(|record| !record.planted);
        for account in &mut story.history.accounts {
            account.consumed = 0;
            account.outcomes.clear();
        }
    }),
    planted("garbage was skipped in silence", &["I13"], |story| {
        story.history.dead_letters.clear();
        let outcomes = &mut story.history.accounts[0].outcomes;
        outcomes.insert("dead_lettered".to_owned(), 0);
        *outcomes.get_mut("applied").expect("counted") += 1;
    }),
    planted("an outage made a dead letter", &["I13"], |story| {
        let letter = DeadLetter {
            kind: "unavailable".to_owned(),
            expected: false,
            ..story.history.dead_letters[0].clone()
        };
        story.history.dead_letters.push(letter);
    }),
    planted(
        "a record was counted as dead-lettered and is not there",
        &["I13"],
        |story| {
            let outcomes = &mut story.history.accounts[0].outcomes;
            *outcomes.get_mut("dead_lettered").expect("counted") += 1;
            *outcomes.get_mut("applied").expect("counted") -= 1;
        },
    ),
    planted("lag was told too small", &["I14"], |story| {
        story.history.lags[2].told = Some(2.5);
    }),
    planted("a stopped relay's lag was told as none", &["I14"], |story| {
        story.history.lags[1].told = Some(0.0);
    }),
    planted("of a stopped relay nothing was told", &["I14"], |story| {
        story.history.lags[2].told = None;
    }),
    planted("a lag that is no number was told", &["I14"], |story| {
        story.history.lags[0].told = Some(f64::NAN);
    }),
    planted("the run never came to rest", &["I15"], |story| {
        story.history.rest.as_mut().expect("it did").level_at = None;
    }),
    planted("nobody saw the run come to rest", &["I15"], |story| {
        story.history.rest = None;
    }),
    planted("a command waits in the queue for ever", &["I15"], |story| {
        story.history.left.push(LeftOver {
            table: "command_queue".to_owned(),
            aggregate: "invoice".to_owned(),
            stream: Uuid::from_u128(5),
            detail: "issue-invoice, 12 attempts".to_owned(),
        });
    }),
];
