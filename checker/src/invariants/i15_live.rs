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
    match rest.level_at {
        None => {
            let seen = format!("it had not within {}: {}", telling::time(rest.limit), rest.detail);
            verdict.violate(promised, seen, explain());
        }
        Some(level) => {
            let took = level.saturating_sub(rest.last_fault_healed);
            if took > rest.limit {
                let (took, limit) = (telling::time(took), telling::time(rest.limit));
                verdict.violate(
                    promised,
                    format!("it took {took}, and may take {limit}"),
                    explain(),
                );
            }
        }
    }
    verdict
}
