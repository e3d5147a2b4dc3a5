//! What a process tells of itself under `/metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

/// One line of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

pub async fn of(http: &reqwest::Client, base_url: &str, limit: Duration) -> Result<Vec<Figure>> {
    let request = http.get(format!("{base_url}/metrics")).timeout(limit);
    let text = request.send().await?.error_for_status()?.text().await?;
    Ok(text.lines().filter_map(parse).collect())
}

/// The first with this name, and this label where one is given.
pub fn find(figures: &[Figure], name: &str, label: Option<(&str, &str)>) -> Option<f64> {
    let mut found = figures.iter().filter(|figure| {
        let labelled = |(key, value): (&str, &str)| figure.labels.get(key).is_some_and(|it| it == value);
        figure.name == name && label.is_none_or(labelled)
    });
    Some(found.next()?.value)
}

fn parse(line: &str) -> Option<Figure> {
    if line.starts_with('#') {
        return None;
    }
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (head, ""),
    };
    // No label's value has a comma or a quote in it.
    let labels = labels
        .split(',')
        .filter_map(|label| {
            let (key, value) = label.split_once('=')?;
            Some((key.to_owned(), value.trim_matches('"').to_owned()))
        })
        .collect();
    Some(Figure {
        name: name.to_owned(),
        labels,
        value: value.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_labels_and_a_value() {
        let figure = parse("lag_seconds{projection=\"orders\",index=\"orders-v3-1\"} 2.5");
        assert_eq!(
            figure,
            Some(Figure {
                name: "lag_seconds".to_owned(),
                labels: [
                    ("projection".to_owned(), "orders".to_owned()),
                    ("index".to_owned(), "orders-v3-1".to_owned())
                ]
                .into(),
                value: 2.5,
            })
        );
        assert_eq!(parse("outbox_depth 3").map(|figure| figure.value), Some(3.0));
        assert_eq!(parse("# TYPE outbox_depth gauge"), None);
    }
}
