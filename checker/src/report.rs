//! What came of it.

use std::fmt;

/// Of one invariant, no more violations are explained; all are counted.
const EXPLAINED: usize = 20;
/// Of one violation, no more entries are shown.
const ENTRIES: usize = 40;

/// Of every invariant, I1 to I15.
#[derive(Debug, Clone)]
pub struct Report {
    pub verdicts: Vec<Verdict>,
}

/// Of one invariant.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// `I1` to `I15`.
    pub invariant: &'static str,
    pub name: &'static str,
    /// How many things were held against it.
    pub compared: u64,
    /// How many of them break it.
    pub violated: u64,
    /// The first of those.
    pub violations: Vec<Violation>,
}

/// What was promised, what was seen instead, and what led to it.
#[derive(Debug, Clone)]
pub struct Violation {
    pub promised: String,
    pub seen: String,
    /// Of the history, with their times.
    pub entries: Vec<String>,
}

impl Report {
    /// Nothing is broken.
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.violated == 0)
    }

    /// The invariants that nothing was held against, but for those that `may` be so, such as `I12` where nothing was rebuilt.
    pub fn empty_but_for(&self, may: &[&str]) -> Vec<&'static str> {
        self.verdicts
            .iter()
            .filter(|verdict| verdict.compared == 0 && !may.contains(&verdict.invariant))
            .map(|verdict| verdict.invariant)
            .collect()
    }

    /// Those that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.violated > 0)
    }

    /// The first violation there is, and whose.
    pub fn first(&self) -> Option<(&Verdict, &Violation)> {
        self.broken()
            .find_map(|verdict| Some((verdict, verdict.violations.first()?)))
    }

    /// Every invariant with its counts, without explanations.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:<4} {:<16} {:>10} {:>10}\n",
            "", "invariant", "compared", "violated"
        );
        for verdict in &self.verdicts {
            let Verdict {
                invariant,
                name,
                compared,
                violated,
                ..
            } = verdict;
            table.push_str(&format!(
                "{invariant:<4} {name:<16} {compared:>10} {violated:>10}\n"
            ));
        }
        table
    }
}

/// The table, then the explanations.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table())?;
        for verdict in self.broken() {
            for violation in &verdict.violations {
                write!(f, "\n{} {}: {violation}", verdict.invariant, verdict.name)?;
            }
            let untold = verdict.violated - verdict.violations.len() as u64;
            if untold > 0 {
                writeln!(f, "\n{} {}: and {untold} more", verdict.invariant, verdict.name)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "promised: {}", self.promised)?;
        writeln!(f, "    seen: {}", self.seen)?;
        for entry in &self.entries {
            writeln!(f, "          {entry}")?;
        }
        Ok(())
    }
}

impl Verdict {
    pub(crate) fn new(invariant: &'static str, name: &'static str) -> Self {
        Self {
            invariant,
            name,
            compared: 0,
            violated: 0,
            violations: Vec::new(),
        }
    }

    /// One more thing was held against it.
    pub(crate) fn compare(&mut self) {
        self.compared += 1;
    }

    /// `entries` are only told where the violation is among the first.
    pub(crate) fn violate<E: fmt::Display>(
        &mut self,
        promised: impl Into<String>,
        seen: impl Into<String>,
        entries: impl IntoIterator<Item = E>,
    ) {
        self.violated += 1;
        if self.violations.len() == EXPLAINED {
            return;
        }
        let mut told: Vec<String> = Vec::new();
        let mut entries = entries.into_iter();
        told.extend(entries.by_ref().take(ENTRIES).map(|entry| entry.to_string()));
        let left = entries.count();
        if left > 0 {
            told.push(format!("and {left} more"));
        }
        self.violations.push(Violation {
            promised: promised.into(),
            seen: seen.into(),
            entries: told,
        });
    }
}
