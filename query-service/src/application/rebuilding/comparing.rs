//! Two generations compared document by document, while both are being written.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::{Plan, RebuildError, Rebuilding};
use crate::application::ports::{DocumentStore, Feeds, Generation, Rebuildable, Scan as _};

/// Ids that are looked at again; beyond, a difference stands as it was found.
const LOOKED_AT_AGAIN: usize = 20_000;
const PAGE: usize = 500;
/// What one generation has a moment before the other is no difference.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// Ids that a report names.
const NAMED: usize = 10;

/// Bookkeeping, which may stand elsewhere at the same time.
const IGNORED: [&str; 2] = ["propagated_version", "waits_since"];

/// What an order shows of others.
const CUSTOMERS: [&str; 2] = ["customer_name", "customer_version"];
const PRODUCTS: [&str; 2] = ["product_name", "product_version"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub queried: Generation,
    pub next: Generation,
    /// Documents in each.
    pub in_queried: u64,
    pub in_next: u64,
    pub only_queried: Ids,
    pub only_next: Ids,
    pub differing: Ids,
    /// Nothing but names differ, and new ones kept coming to both.
    pub being_renamed: u64,
}

/// Some ids: how many, and the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    pub count: u64,
    pub first: Vec<Uuid>,
}

impl Ids {
    fn add(&mut self, id: Uuid) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(id);
        }
    }
}

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.only_queried.count + self.only_next.count + self.differing.count == 0
    }

    /// What queries read loses nothing. Nobody may feed a generation of another mapping any more: what the next one has
    /// beyond it is no loss.
    pub fn may_be_swapped(&self) -> bool {
        match self.queried.mapping == self.next.mapping {
            true => self.is_equal(),
            false => self.only_queried.count + self.differing.count == 0,
        }
    }

    pub fn equal(&self) -> u64 {
        self.in_queried
            .saturating_sub(self.only_queried.count + self.differing.count + self.being_renamed)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queried, next, .. } = self;
        writeln!(f, "{queried} (queried): {} documents", self.in_queried)?;
        writeln!(f, "{next} (next): {} documents", self.in_next)?;
        writeln!(f, "equal: {}", self.equal())?;
        if self.being_renamed > 0 {
            writeln!(
                f,
                "equal but for names, which kept changing: {}",
                self.being_renamed
            )?;
        }
        let by = match queried.mapping == next.mapping {
            true => "",
            false => " (of another mapping: an earlier version)",
        };
        write!(f, "differing{by}: {}", self.differing)?;
        write!(f, "\nonly in {queried}: {}", self.only_queried)?;
        write!(f, "\nonly in {next}: {}", self.only_next)
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.count)?;
        for (at, id) in self.first.iter().enumerate() {
            write!(f, "{}{id}", if at == 0 { ": " } else { ", " })?;
        }
        match self.count > self.first.len() as u64 {
            true => f.write_str(", …"),
            false => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Equal,
    /// In nothing but the names that it shows of others.
    DifferingNames,
    Differing,
    OnlyQueried,
    OnlyNext,
}

/// Names that a document shows in each generation.
type Shown = (Vec<Value>, Vec<Value>);

impl<G: Rebuildable, F: Feeds> Rebuilding<G, F> {
    /// `None` where queries read nothing. `look` is told how many documents have been compared.
    pub async fn compare(
        &self,
        plan: &Plan,
        mut look: impl FnMut(u64),
    ) -> Result<Option<Comparison>, RebuildError> {
        let Some(queried) = plan.queried else {
            return Ok(None);
        };
        let next = plan.next;
        let stores = (self.generations.store(queried), self.generations.store(next));
        for store in [&stores.0, &stores.1] {
            self.patience.until_done("refreshing", || store.refresh()).await?;
        }
        let whole = queried.mapping == next.mapping;
        let mut comparison = Comparison {
            queried,
            next,
            in_queried: 0,
            in_next: 0,
            only_queried: Ids::default(),
            only_next: Ids::default(),
            differing: Ids::default(),
            being_renamed: 0,
        };
        let mut again = BTreeSet::new();
        let mut scan = self.generations.scan(queried);
        while let Some(page) = self.page(&mut scan).await? {
            comparison.in_queried += page.len() as u64;
            look(comparison.in_queried);
            let ids: Vec<Uuid> = page.iter().map(|(id, _)| *id).collect();
            let others = self.load(&stores.1, &ids).await?;
            for ((id, body), other) in page.into_iter().zip(others) {
                comparison.note(&mut again, id, verdict(Some(&body), other.as_ref(), whole));
            }
        }
        // Here only what the other does not have is news.
        let mut scan = self.generations.scan(next);
        while let Some(page) = self.page(&mut scan).await? {
            comparison.in_next += page.len() as u64;
            look(comparison.in_queried + comparison.in_next);
            let ids: Vec<Uuid> = page.iter().map(|(id, _)| *id).collect();
            let others = self.load(&stores.0, &ids).await?;
            for (id, other) in ids.into_iter().zip(others) {
                if other.is_none() {
                    comparison.note(&mut again, id, Verdict::OnlyNext);
                }
            }
        }
        self.look_again(&mut comparison, again, &stores, whole).await?;
        Ok(Some(comparison))
    }

    async fn page(&self, scan: &mut G::Scan) -> Result<Option<Vec<(Uuid, Value)>>, RebuildError> {
        let page = self.patience.unless_abandoned(scan.next()).await??;
        Ok((!page.is_empty()).then_some(page))
    }

    async fn load(&self, store: &G::Store, ids: &[Uuid]) -> Result<Vec<Option<Value>>, RebuildError> {
        let stored = self
            .patience
            .until_done("reading documents", || store.load(ids))
            .await?;
        Ok(stored.into_iter().map(|stored| Some(stored?.body)).collect())
    }

    /// Reads in real time what differed: both are written all the while, and one that is behind is waited for.
    async fn look_again(
        &self,
        comparison: &mut Comparison,
        mut again: BTreeSet<Uuid>,
        stores: &(G::Store, G::Store),
        whole: bool,
    ) -> Result<(), RebuildError> {
        let mut at_first: HashMap<Uuid, Shown> = HashMap::new();
        for at in 0..LOOKS {
            let mut found = Vec::with_capacity(again.len());
            let ids: Vec<Uuid> = again.iter().copied().collect();
            for page in ids.chunks(PAGE) {
                let queried = self.load(&stores.0, page).await?;
                let next = self.load(&stores.1, page).await?;
                for (id, (queried, next)) in page.iter().zip(queried.into_iter().zip(next)) {
                    let verdict = verdict(queried.as_ref(), next.as_ref(), whole);
                    if let (Verdict::DifferingNames, Some(queried), Some(next)) = (verdict, queried, next) {
                        let now = (names(&queried), names(&next));
                        let first = at_first.entry(*id).or_insert_with(|| now.clone());
                        // A renaming comes to one generation after the other, and the next one behind it.
                        if first.0 != now.0 && first.1 != now.1 {
                            comparison.being_renamed += 1;
                            continue;
                        }
                    }
                    if verdict != Verdict::Equal {
                        found.push((*id, verdict));
                    }
                }
            }
            again = found.iter().map(|(id, _)| *id).collect();
            if again.is_empty() || at + 1 == LOOKS {
                for (id, verdict) in found {
                    comparison.stands(id, verdict);
                }
                break;
            }
            self.patience
                .unless_abandoned(tokio::time::sleep(BETWEEN_LOOKS))
                .await?;
            self.until_level(comparison.next, |_| ()).await?;
            if whole {
                self.until_level(comparison.queried, |_| ()).await?;
            }
        }
        Ok(())
    }
}

impl Comparison {
    fn note(&mut self, again: &mut BTreeSet<Uuid>, id: Uuid, verdict: Verdict) {
        if verdict == Verdict::Equal {
            return;
        }
        match again.len() < LOOKED_AT_AGAIN {
            true => _ = again.insert(id),
            false => self.stands(id, verdict),
        }
    }

    fn stands(&mut self, id: Uuid, verdict: Verdict) {
        match verdict {
            Verdict::Equal => {}
            Verdict::Differing | Verdict::DifferingNames => self.differing.add(id),
            Verdict::OnlyQueried => self.only_queried.add(id),
            Verdict::OnlyNext => self.only_next.add(id),
        }
    }
}

fn verdict(queried: Option<&Value>, next: Option<&Value>, whole: bool) -> Verdict {
    match (queried, next) {
        (Some(queried), Some(next)) if whole => {
            let (queried, next) = (essence(queried), essence(next));
            if queried == next {
                return Verdict::Equal;
            }
            match without_names(queried) == without_names(next) {
                true => Verdict::DifferingNames,
                false => Verdict::Differing,
            }
        }
        // Nobody may feed the other any more.
        (Some(queried), Some(next)) => match queried["version"].as_u64() <= next["version"].as_u64() {
            true => Verdict::Equal,
            false => Verdict::Differing,
        },
        (Some(_), None) => Verdict::OnlyQueried,
        (None, Some(_)) => Verdict::OnlyNext,
        (None, None) => Verdict::Equal,
    }
}

/// What has to be equal. Of an event that waits, that it does.
fn essence(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        for ignored in IGNORED {
            fields.remove(ignored);
        }
        if let Some(parked) = fields.get_mut("parked").and_then(Value::as_object_mut) {
            parked.values_mut().for_each(|event| *event = Value::Null);
        }
    }
    body
}

fn without_names(mut body: Value) -> Value {
    if let Some(order) = body.as_object_mut() {
        for field in CUSTOMERS {
            order.remove(field);
        }
        let items = order.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            for field in PRODUCTS {
                item.remove(field);
            }
        }
    }
    body
}

fn names(order: &Value) -> Vec<Value> {
    let customers = CUSTOMERS.iter().map(|field| order[*field].clone());
    let items = order["items"].as_array().into_iter().flatten();
    let products = items.flat_map(|item| PRODUCTS.iter().map(|field| item[*field].clone()));
    customers.chain(products).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bookkeeping_is_no_difference() {
        let queried = json!({"version": 3, "name": "Ada", "propagated_version": 3,
            "parked": {"5": {"arrived_at": "then"}}, "waits_since": "then"});
        let next = json!({"version": 3, "name": "Ada", "propagated_version": 2,
            "parked": {"5": {"arrived_at": "now"}}, "waits_since": "now"});
        assert_eq!(verdict(Some(&queried), Some(&next), true), Verdict::Equal);
        let mut other = next.clone();
        other["name"] = "Bob".into();
        assert_eq!(verdict(Some(&queried), Some(&other), true), Verdict::Differing);
        // Of another mapping.
        assert_eq!(verdict(Some(&queried), Some(&other), false), Verdict::Equal);
        other["version"] = 2.into();
        assert_eq!(verdict(Some(&queried), Some(&other), false), Verdict::Differing);
        assert_eq!(verdict(Some(&queried), None, false), Verdict::OnlyQueried);
    }

    #[test]
    fn names_are_told_from_the_rest() {
        let order = |name: &str, quantity: u32| {
            json!({"customer_name": "Ada", "customer_version": 1,
                "items": [{"product_name": name, "product_version": 1, "quantity": quantity}]})
        };
        let verdict = |queried, next| verdict(Some(&queried), Some(&next), true);
        assert_eq!(verdict(order("Loom", 1), order("Loom", 1)), Verdict::Equal);
        assert_eq!(
            verdict(order("Loom", 1), order("Engine", 1)),
            Verdict::DifferingNames
        );
        assert_eq!(verdict(order("Loom", 1), order("Engine", 2)), Verdict::Differing);
        assert_ne!(names(&order("Loom", 1)), names(&order("Engine", 1)));
        assert_eq!(names(&order("Loom", 1)), names(&order("Loom", 2)));
    }

    #[test]
    fn a_report_names_the_first_ids() {
        let mut ids = Ids::default();
        assert_eq!(ids.to_string(), "0");
        ids.add(Uuid::nil());
        assert_eq!(ids.to_string(), format!("1: {}", Uuid::nil()));
        for _ in 0..NAMED {
            ids.add(Uuid::nil());
        }
        assert!(ids.to_string().starts_with("11: ") && ids.to_string().ends_with(", …"));
    }
}
