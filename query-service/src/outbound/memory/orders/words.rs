//! Words found with tolerance for typing errors, as Elasticsearch's standard analyser and `fuzziness: AUTO` do it.

use std::collections::BTreeMap;

use read_model::OrderDocument;
use uuid::Uuid;

const MIN_PREFIX: usize = 3;

enum Word {
    Id(Uuid),
    /// Its parts of letters and digits, in lower case.
    Text {
        parts: Vec<String>,
        unfinished: bool,
    },
}

pub(super) struct Words {
    words: Vec<Word>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let count = text.split(' ').count();
        let words = text.split(' ').enumerate().filter_map(|(place, word)| {
            if let Some(id) = (word.len() == 36).then(|| word.parse().ok()).flatten() {
                return Some(Word::Id(id));
            }
            let parts: Vec<String> = parts(word).map(str::to_lowercase).collect();
            let unfinished = place + 1 == count && word.chars().count() >= MIN_PREFIX;
            (count == 1 || !parts.is_empty()).then_some(Word::Text { parts, unfinished })
        });
        Self {
            words: words.collect(),
        }
    }

    pub(super) fn find(&self, order: &OrderDocument) -> bool {
        self.words.iter().all(|word| match word {
            Word::Id(id) => {
                order.id == *id
                    || order.customer_id == *id
                    || order.items.iter().any(|item| item.product_id == *id)
            }
            Word::Text { parts, .. } if parts.is_empty() => false,
            Word::Text {
                parts: wanted,
                unfinished,
            } => [
                parts(&order.customer_name).collect::<Vec<_>>(),
                order
                    .items
                    .iter()
                    .flat_map(|item| parts(&item.product_name))
                    .collect(),
            ]
            .iter()
            .any(|field| {
                wanted.iter().enumerate().all(|(place, part)| {
                    let prefix = *unfinished && place + 1 == wanted.len();
                    field.iter().any(|found| is_like(part, found, prefix))
                })
            }),
        })
    }

    pub(super) fn highlights(&self, order: &OrderDocument) -> BTreeMap<String, Vec<String>> {
        let names = order.items.iter().map(|item| item.product_name.as_str());
        let fields = [
            ("customer_name", vec![order.customer_name.as_str()]),
            ("items.product_name", names.collect()),
        ];
        let marked = fields.map(|(field, values)| {
            let marked: Vec<String> = values.into_iter().filter_map(|value| self.mark(value)).collect();
            (field.to_owned(), marked)
        });
        marked
            .into_iter()
            .filter(|(_, marked)| !marked.is_empty())
            .collect()
    }

    /// The value as HTML with what was found in `<em>`; `None` if nothing was.
    fn mark(&self, value: &str) -> Option<String> {
        let mut html = String::new();
        let mut rest = value;
        let mut any = false;
        for part in parts(value) {
            let at = part.as_ptr() as usize - rest.as_ptr() as usize;
            html.push_str(&escaped(&rest[..at]));
            let found = self.words.iter().any(|word| match word {
                Word::Id(_) => false,
                Word::Text { parts, unfinished } => parts
                    .iter()
                    .enumerate()
                    .any(|(place, wanted)| is_like(wanted, part, *unfinished && place + 1 == parts.len())),
            });
            match found {
                true => html.push_str(&format!("<em>{}</em>", escaped(part))),
                false => html.push_str(&escaped(part)),
            }
            any |= found;
            rest = &rest[at + part.len()..];
        }
        html.push_str(&escaped(rest));
        any.then_some(html)
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn is_like(wanted: &str, found: &str, prefix: bool) -> bool {
    let found = found.to_lowercase();
    let tolerated = match wanted.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    (prefix && found.starts_with(wanted)) || distance(wanted, &found) <= tolerated
}

/// Insertions, deletions, substitutions and swaps of neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_typing_errors() {
        for (one, other, errors) in [
            ("ada", "ada", 0),
            ("chair", "chiar", 1),
            ("lovelace", "lovlase", 2),
            ("", "ab", 2),
        ] {
            assert_eq!(distance(one, other), errors, "{one} {other}");
        }
    }
}
