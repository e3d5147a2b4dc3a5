//! The rebuilt index equals the live one, and no query fails during the swap.

use crate::context::Context;
use crate::history::{Fault, History, Read, Rebuild};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    for rebuild in &history.rebuilds {
        verdict.compared += rebuild.compared;
        let Rebuild {
            projection,
            began,
            ended,
            compared,
            differing,
            detail,
        } = rebuild;
        let entry = format!(
            "{} to {}: rebuild of {projection}: {compared} compared, {differing} differ; {detail}",
            telling::time(*began),
            telling::time(*ended),
        );
        if *differing > 0 {
            let seen = format!("{differing} documents of {projection} differ");
            verdict.violate("the rebuilt index equals the live one", seen, [entry.as_str()]);
        }
        // What was broken at that time may have kept it from its end.
        let disturbed = context.faults_between(*began, *ended).next().is_some();
        if *compared == 0 && !context.events.is_empty() && !disturbed {
            let seen = format!("nothing of {projection} was compared");
            verdict.violate(
                "the rebuilt index is compared with the live one",
                seen,
                [entry.as_str()],
            );
        }
        let during = history
            .reads
            .iter()
            .filter(|read| read.sent >= *began && read.ended <= *ended);
        for read in during {
            let mut faults = context.faults_between(read.sent, read.ended);
            if faults.any(keeps_queries_from_answers) {
                continue;
            }
            verdict.compare();
            if failed(read) {
                verdict.violate(
                    "no query fails while an index is rebuilt and swapped in",
                    "one failed, and nothing was broken that queries need",
                    [entry.clone(), telling::read(read)],
                );
            }
        }
    }
    verdict
}

/// All but what breaks commands alone, or the way of events to the documents: queries without a token need none of it, and
/// those with one are told that it is not reached.
fn keeps_queries_from_answers(fault: &Fault) -> bool {
    const OTHERS: [&str; 9] = [
        "command-api-",
        "relay-",
        "worker-",
        "projector-killed",
        "projector-frozen",
        "postgres-",
        "credentials-",
        "transaction-",
        "registry-",
    ];
    OTHERS.iter().all(|other| !fault.name.starts_with(other))
}

/// A query whose token is not reached yet is told so, and one that the bounds turn away too: neither is a failure.
fn failed(read: &Read) -> bool {
    let problem = read.problem.as_deref().unwrap_or_default();
    let plain = ["/not-yet-visible", "/overloaded"];
    match read.status {
        None => true,
        Some(status) => status >= 500 && !plain.iter().any(|plain| problem.ends_with(plain)),
    }
}
