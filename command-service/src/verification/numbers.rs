//! Series of numbers: each from 1 to the last is used once.

use shared_events::Event;
use shared_events::event::InvoiceEvent;

use super::findings::{Finding, Kind};
use super::streams::Stream;
use crate::application::ports::NumberSeries;

/// So many missing numbers are named; of more, only how many.
const NAMED: usize = 100;

pub struct Numbers(Vec<Series>);

/// A bit for each number from 1 on.
struct Series {
    series: NumberSeries,
    last: u64,
    used: Vec<u64>,
}

impl Numbers {
    pub fn new(last: &[(NumberSeries, i64)]) -> Self {
        let series = |(series, last): &(NumberSeries, i64)| {
            let last = u64::try_from(*last).unwrap_or_default();
            Series {
                series: *series,
                last,
                used: vec![0; usize::try_from(last.div_ceil(64)).unwrap_or_default()],
            }
        };
        Self(last.iter().map(series).collect())
    }

    /// In all series.
    pub fn given(&self) -> u64 {
        self.0.iter().map(|series| series.last).sum()
    }

    pub fn note(&mut self, stream: &Stream, findings: &mut Vec<Finding>) {
        for (version, event) in &stream.decoded {
            let (series, number) = match event {
                Event::Invoice(InvoiceEvent::Issued(issued)) => (NumberSeries::Invoice, issued.number),
                Event::Invoice(InvoiceEvent::CreditNoteIssued(issued)) => {
                    (NumberSeries::CreditNote, issued.number)
                }
                _ => continue,
            };
            let kind = match self.0.iter_mut().find(|known| known.series == series) {
                Some(known) => known.used(number),
                None => Some(Kind::NumberBeyondLast),
            };
            if let Some(kind) = kind {
                let explanation = match kind {
                    Kind::NumberTwice => format!("{} {number} is used a second time", series.as_str()),
                    _ => format!("{} {number} was never given", series.as_str()),
                };
                findings.push(Finding::of(kind, stream.id, explanation).at(*version));
            }
        }
    }

    pub fn end(&self, findings: &mut Vec<Finding>) {
        for series in &self.0 {
            let missing: Vec<u64> = (1..=series.last)
                .filter(|number| !series.is_used(*number))
                .collect();
            let name = series.series.as_str();
            for number in missing.iter().take(NAMED) {
                findings.push(Finding::of_store(
                    Kind::NumberMissing,
                    format!(
                        "{name} {number} is not used, and the series is at {}",
                        series.last
                    ),
                ));
            }
            if missing.len() > NAMED {
                findings.push(Finding::of_store(
                    Kind::NumberMissing,
                    format!("{} more of {name} are not used", missing.len() - NAMED),
                ));
            }
        }
    }
}

impl Series {
    /// Why the number may not be used.
    fn used(&mut self, number: i64) -> Option<Kind> {
        let Some((place, bit)) = u64::try_from(number)
            .ok()
            .filter(|number| (1..=self.last).contains(number))
            .and_then(place)
        else {
            return Some(Kind::NumberBeyondLast);
        };
        let word = self.used.get_mut(place)?;
        let is_twice = *word & bit != 0;
        *word |= bit;
        is_twice.then_some(Kind::NumberTwice)
    }

    fn is_used(&self, number: u64) -> bool {
        place(number).is_some_and(|(place, bit)| self.used.get(place).is_some_and(|word| word & bit != 0))
    }
}

fn place(number: u64) -> Option<(usize, u64)> {
    let from_zero = number.checked_sub(1)?;
    Some((usize::try_from(from_zero / 64).ok()?, 1 << (from_zero % 64)))
}
