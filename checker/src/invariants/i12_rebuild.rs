//! The rebuilt index equals the live one, and no query fails during the swap.

use crate::context::Context;
use crate::history::{History, Read, Rebuild};
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
            // What else was broken at that time may be why.
            if context.faults_between(read.sent, read.ended).next().is_some() {
                continue;
            }
            verdict.compare();
            if failed(read) {
                verdict.violate(
                    "no query fails while an index is rebuilt and swapped in",
                    "one failed, and nothing else was broken",
                    [entry.clone(), telling::read(read)],
                );
            }
        }
    }
    verdict
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
