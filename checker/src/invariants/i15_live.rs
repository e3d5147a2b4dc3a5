//! After the last fault the lag returns to nothing, with no hand on it.

use crate::context::Context;
use crate::history::History;
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let promised = "after the last fault the lag returns to nothing";
    let last = context.faults.iter().max_by_key(|fault| fault.healed);
    let explain = || last.into_iter().map(telling::fault);
    for left in history.left.iter().filter(|left| left.table != "outbox") {
        let seen = format!(
            "{} has a row of {}:{}: {}",
            left.table, left.aggregate, left.stream, left.detail
        );
        verdict.violate(promised, seen, explain());
    }
    let Some(rest) = &history.rest else {
        verdict.violate(promised, "nobody saw the run come to rest", explain());
        return verdict;
    };
    verdict.compare();
    // Whoever waited for it gave up after the limit.
    if rest.level_at.is_none() {
        let seen = format!("it had not within {}: {}", telling::time(rest.limit), rest.detail);
        verdict.violate(promised, seen, explain());
    }
    verdict
}
