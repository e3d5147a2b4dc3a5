//! The words of a search text, matched with tolerance for typing errors as Elasticsearch's standard analyser and
//! `fuzziness: AUTO` do it.
//!
//! Elasticsearch finds, this marks what was found: its own highlighter builds an automaton for each tolerant word in each
//! hit, which costs several times the search itself. Where the two cut a word differently, a mark is missing, no hit.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A shorter last word is taken as it is: too much begins with it.
pub const MIN_PREFIX: usize = 3;

enum Word {
    Id(Uuid),
    /// Its tokens, in lower case.
    Text {
        /// As it is written.
        whole: String,
        tokens: Vec<Vec<char>>,
        unfinished: bool,
    },
}

pub struct Words {
    text: String,
    words: Vec<Word>,
}

/// What an order is found by, beside ids.
pub struct Shown<'a> {
    pub customer_name: &'a str,
    pub product_names: &'a [&'a str],
    pub tracking_number: Option<&'a str>,
}

impl Words {
    /// Of a text whose words have one blank between two.
    pub fn of(text: &str) -> Self {
        let count = text.split(' ').count();
        let words = text.split(' ').enumerate().filter_map(|(place, word)| {
            if let Some(id) = (word.len() == 36).then(|| word.parse().ok()).flatten() {
                return Some(Word::Id(id));
            }
            let tokens: Vec<_> = tokens(word).map(lower_case).collect();
            let unfinished = place + 1 == count && word.chars().count() >= MIN_PREFIX;
            // Punctuation between words asks for nothing; alone it finds nothing.
            (count == 1 || !tokens.is_empty()).then_some(Word::Text {
                whole: word.to_owned(),
                tokens,
                unfinished,
            })
        });
        Self {
            words: words.collect(),
            text: text.to_owned(),
        }
    }

    pub fn find(&self, ids: &[Uuid], order: &Shown<'_>) -> bool {
        let products = order.product_names.iter().flat_map(|name| tokens(name));
        let fields: [Vec<_>; 2] = [
            tokens(order.customer_name).map(lower_case).collect(),
            products.map(lower_case).collect(),
        ];
        let is_tracked = |word: &Word| {
            order
                .tracking_number
                .is_some_and(|number| word.is_of_tracking_number(number))
        };
        let each = self.words.iter().all(|word| match word {
            Word::Id(id) => ids.contains(id),
            word if is_tracked(word) => true,
            Word::Text { tokens, .. } if tokens.is_empty() => false,
            Word::Text {
                tokens, unfinished, ..
            } => fields.iter().any(|field| {
                let is_there = |(place, wanted): (usize, &Vec<char>)| {
                    let prefix = *unfinished && place + 1 == tokens.len();
                    field.iter().any(|found| is_like(wanted, found, prefix))
                };
                tokens.iter().enumerate().all(is_there)
            }),
        });
        each || order
            .tracking_number
            .is_some_and(|number| self.text.eq_ignore_ascii_case(number))
    }

    /// Each value in which something was found, as HTML with the matches in `<em>`, by the name of its field.
    pub fn highlights(&self, order: &Shown<'_>) -> BTreeMap<String, Vec<String>> {
        let customer = [order.customer_name];
        let fields = [
            ("customer_name", &customer[..]),
            ("items.product_name", order.product_names),
        ];
        let marked = fields.map(|(field, values)| {
            let marked: Vec<String> = values.iter().filter_map(|value| self.mark(value)).collect();
            (field, marked)
        });
        let tracking_number = order.tracking_number.filter(|number| {
            self.text.eq_ignore_ascii_case(number)
                || self.words.iter().any(|word| word.is_of_tracking_number(number))
        });
        let tracking_number = tracking_number.map(|number| {
            let mut html = "<em>".to_owned();
            push_escaped(&mut html, number);
            html.push_str("</em>");
            html
        });
        marked
            .into_iter()
            .chain([("tracking_number", tracking_number.into_iter().collect())])
            .filter(|(_, marked)| !marked.is_empty())
            .map(|(field, marked)| (field.to_owned(), marked))
            .collect()
    }

    /// `None` if nothing was found in it.
    fn mark(&self, value: &str) -> Option<String> {
        let mut html = String::with_capacity(value.len() + 16);
        let mut rest = value;
        let mut any = false;
        while let Some((before, token, after)) = next_token(rest) {
            push_escaped(&mut html, before);
            if self.has(&lower_case(token)) {
                any = true;
                html.push_str("<em>");
                push_escaped(&mut html, token);
                html.push_str("</em>");
            } else {
                push_escaped(&mut html, token);
            }
            rest = after;
        }
        push_escaped(&mut html, rest);
        any.then_some(html)
    }

    fn has(&self, found: &[char]) -> bool {
        self.words.iter().any(|word| match word {
            Word::Id(_) => false,
            Word::Text {
                tokens, unfinished, ..
            } => tokens
                .iter()
                .enumerate()
                .any(|(place, wanted)| is_like(wanted, found, *unfinished && place + 1 == tokens.len())),
        })
    }
}

impl Word {
    /// All of it, or its beginning where the word may be unfinished. Without tolerance: a number is right or wrong.
    fn is_of_tracking_number(&self, number: &str) -> bool {
        match self {
            Self::Id(_) => false,
            Self::Text {
                whole, unfinished, ..
            } => {
                whole.eq_ignore_ascii_case(number)
                    || (*unfinished
                        && number
                            .get(..whole.len())
                            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(whole)))
            }
        }
    }
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, token, after) = next_token(rest)?;
        rest = after;
        Some(token)
    })
}

/// What comes before the first token, the token, and the rest. Letters and digits, joined by an apostrophe or point
/// between two of them; an ideograph stands alone.
fn next_token(text: &str) -> Option<(&str, &str, &str)> {
    let begin = text.find(is_part)?;
    let mut chars = text[begin..].char_indices().peekable();
    let (_, mut last) = chars.next()?;
    let mut end = begin + last.len_utf8();
    if !is_ideograph(last) {
        while let Some((at, next)) = chars.next() {
            let joins = matches!(next, '\'' | '’' | '.' | ':' | '·')
                && last.is_alphanumeric()
                && chars.peek().is_some_and(|(_, after)| {
                    after.is_alphanumeric()
                        && after.is_numeric() == last.is_numeric()
                        && !is_ideograph(*after)
                });
            if is_ideograph(next) || !(is_part(next) || joins) {
                break;
            }
            last = next;
            end = begin + at + next.len_utf8();
        }
    }
    Some((&text[..begin], &text[begin..end], &text[end..]))
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{309f}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn lower_case(token: &str) -> Vec<char> {
    token.chars().flat_map(char::to_lowercase).collect()
}

fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#x27;"),
            c => html.push(c),
        }
    }
}

fn is_like(wanted: &[char], found: &[char], prefix: bool) -> bool {
    let tolerated = match wanted.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    wanted == found
        || (prefix && found.starts_with(wanted))
        || (wanted.len().abs_diff(found.len()) <= tolerated && distance(wanted, found) <= tolerated)
}

/// Insertions, deletions, substitutions and swaps of neighbours.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = Vec::with_capacity(other.len() + 1);
        row.push(i);
        for j in 1..=other.len() {
            let substituted = last[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = substituted.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_count_typing_errors() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (one, other, errors) in [
            ("ada", "ada", 0),
            ("chair", "chiar", 1),
            ("lovelace", "lovlase", 2),
            ("", "ab", 2),
            ("ab", "", 2),
        ] {
            assert_eq!(distance(&chars(one), &chars(other)), errors, "{one} {other}");
        }
    }

    #[test]
    fn tokens_are_cut_as_the_standard_analyser_does() {
        let cut = |text| tokens(text).collect::<Vec<_>>();
        assert_eq!(
            cut("  Ada, O'Brien-Smith (2nd) "),
            ["Ada", "O'Brien", "Smith", "2nd"]
        );
        assert_eq!(
            cut("size 3.5 snake_case end. 'x'"),
            ["size", "3.5", "snake_case", "end", "x"]
        );
        assert_eq!(cut("木椅子 table"), ["木", "椅", "子", "table"]);
        assert_eq!(cut("***"), [""; 0]);
    }

    #[test]
    fn what_is_marked_is_html() {
        let marked = |text: &str, value| Words::of(text).mark(value);
        assert_eq!(
            marked("chiar", "Oak <b> chair"),
            Some("Oak &lt;b&gt; <em>chair</em>".to_owned())
        );
        assert_eq!(
            marked("oak cha", "Oak chairs"),
            Some("<em>Oak</em> <em>chairs</em>".to_owned())
        );
        assert_eq!(marked("table", "Oak chair"), None);
    }

    proptest! {
        #[test]
        fn nothing_of_a_value_is_lost_and_no_markup_gets_through(text in ".{0,60}", value in ".{0,60}") {
            if let Some(html) = Words::of(&text).mark(&value) {
                let plain = html.replace("<em>", "").replace("</em>", "");
                prop_assert!(!plain.contains(['<', '>', '"', '\'']));
                let plain = plain
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&#x27;", "'")
                    .replace("&amp;", "&");
                prop_assert_eq!(plain, value);
            }
        }
    }
}
