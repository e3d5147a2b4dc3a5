//! A request's parameters, taken one by one. What is wrong is gathered, so that one answer names all of it; what nobody
//! took is unknown.

use std::fmt::Display;

use actix_web::HttpRequest;
use actix_web::web;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use read_model::{Moment, OrderStatus};
use uuid::Uuid;

use super::problem::{InvalidParameter, Problem, ProblemKind};
use crate::application::ports::reading::{Filter, Sort, SortField};
use crate::application::queries::paging::{PageLimit, PageOffset, Paging, Start};

pub struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<InvalidParameter>,
}

/// More are not looked at: a request has about ten.
const MAX_PARAMETERS: usize = 100;

impl Parameters {
    pub fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    pub fn parse(query: &str) -> Self {
        let mut errors = Vec::new();
        let given = match web::Query::<Vec<(String, String)>>::from_query(query) {
            Ok(pairs) if pairs.len() <= MAX_PARAMETERS => pairs.into_inner(),
            Ok(_) => {
                errors.push(invalid(
                    "…",
                    format!("at most {MAX_PARAMETERS} parameters are read"),
                ));
                Vec::new()
            }
            Err(error) => {
                errors.push(invalid("…", error));
                Vec::new()
            }
        };
        Self {
            given,
            known: Vec::new(),
            errors,
        }
    }

    /// The parsed value of a parameter that may be given once.
    pub fn one<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.errors.push(invalid(name, "may be given once"));
            return None;
        }
        match parse(&values.pop()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(invalid(name, error));
                None
            }
        }
    }

    fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        self.given
            .extract_if(.., |(given, _)| given == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// Values with names: repeated or separated by commas; in the order of `known`, each once.
    pub fn any_of<T: Copy + PartialEq>(&mut self, name: &'static str, known: &[(&str, T)]) -> Vec<T> {
        let mut found = Vec::new();
        for value in self.all(name).iter().flat_map(|values| values.split(',')) {
            match known.iter().position(|(known, _)| *known == value) {
                Some(place) if found.contains(&place) => {}
                Some(place) => found.push(place),
                None => {
                    let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                    let detail = format!("{} is no {name}; there are {}", shown(value), known.join(", "));
                    self.errors.push(invalid(name, detail));
                }
            }
        }
        // One order, so that a cursor holds however they are written.
        found.sort_unstable();
        found.into_iter().map(|place| known[place].1).collect()
    }

    /// Of a list that is sorted as `F` can be.
    pub fn paging<F: Filter>(&mut self) -> Paging {
        let sort = match F::SORTS {
            // The only order there is.
            [] => None,
            sorts => self.one("sort", |text| parse_sort(text, sorts)),
        };
        let sort = sort.unwrap_or(F::DEFAULT_SORT);
        let limit = self
            .one("limit", |text| {
                let bounds = || {
                    format!(
                        "{} is not a whole number within 1 and {}",
                        shown(text),
                        PageLimit::MAX
                    )
                };
                whole_number(text).and_then(PageLimit::new).ok_or_else(bounds)
            })
            .unwrap_or_default();
        let offset = self.one("offset", |text| {
            whole_number(text).and_then(|offset| PageOffset::new(offset, limit)).ok_or_else(|| {
                format!(
                    "{} is not a whole number that with limit is at most {}; go further by next_cursor and cursor",
                    shown(text),
                    PageOffset::WINDOW
                )
            })
        });
        let cursor = self.one("cursor", |text| Ok::<_, String>(text.to_owned()));
        if cursor.is_some() && offset.is_some() {
            self.errors
                .push(invalid("offset", "cannot be used together with cursor"));
        }
        Paging {
            sort,
            limit,
            start: cursor.map_or_else(|| Start::Offset(offset.unwrap_or_default()), Start::Cursor),
        }
    }

    /// Call it when all that is known was taken.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in &self.given {
            let known = match self.known.as_slice() {
                [] => "this query takes none".to_owned(),
                known => format!("this query takes {}", known.join(", ")),
            };
            self.errors
                .push(invalid(&shown(name), format!("unknown parameter; {known}")));
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        let more = self.errors.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            self.errors.truncate(MOST_TOLD);
            self.errors.push(invalid("…", format!("{more} more")));
        }
        Err(Problem::invalid_parameters(self.errors))
    }
}

/// Errors in one answer, so that it is not many times as long as what was asked.
const MOST_TOLD: usize = 32;

fn invalid(parameter: &str, detail: impl Display) -> InvalidParameter {
    InvalidParameter {
        parameter: parameter.to_owned(),
        detail: detail.to_string(),
    }
}

/// What the client sent, cut to a length that an answer can repeat.
fn shown(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn whole_number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

pub const ORDER_STATES: [(&str, OrderStatus); 6] = [
    ("draft", OrderStatus::Draft),
    ("submitted", OrderStatus::Submitted),
    ("confirmed", OrderStatus::Confirmed),
    ("shipped", OrderStatus::Shipped),
    ("delivered", OrderStatus::Delivered),
    ("cancelled", OrderStatus::Cancelled),
];

fn parse_sort(text: &str, sorts: &[SortField]) -> Result<Sort, String> {
    let (descending, name) = match text.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, text),
    };
    let field = sorts.iter().find(|field| field.as_str() == name);
    let field = *field.ok_or_else(|| {
        let known: Vec<&str> = sorts.iter().map(|field| field.as_str()).collect();
        format!(
            "{} is no order to sort in; there are {}, descending with - before it",
            shown(text),
            known.join(", ")
        )
    })?;
    Ok(Sort { field, descending })
}

/// The hyphenated form only, so that an id has one spelling.
pub fn uuid(text: &str) -> Result<Uuid, String> {
    (text.len() == 36)
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| format!("{} is not a UUID", shown(text)))
}

/// A time, or a day's first moment in UTC.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let moment = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) if text.len() == 10 => day.and_time(NaiveTime::MIN).and_utc(),
        _ => DateTime::parse_from_rfc3339(text)
            .map_err(|_| {
                let how = "such as 2026-01-31T12:00:00Z, or a day, such as 2026-01-31; write + as %2B";
                format!("{} is neither an RFC 3339 time, {how}", shown(text))
            })?
            .with_timezone(&Utc),
    };
    // What the store's dates hold for sure.
    let years = 0..=9999;
    if !years.contains(&chrono::Datelike::year(&moment)) {
        return Err(format!("{} is not within the years 0000 and 9999", shown(text)));
    }
    Ok(moment)
}

/// A day in UTC.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| text.len() == 10)
        .ok_or_else(|| format!("{} is not a day, such as 2026-01-31", shown(text)))
}

/// Digits are a version, anything else a time.
pub fn version_or_time(text: &str) -> Result<Moment, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are a version that there never is.
        return Ok(Moment::Version(text.parse().unwrap_or(u64::MAX)));
    }
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        let how = "such as 2026-01-31T12:00:00Z; write + as %2B";
        format!(
            "{} is neither a version in digits nor an RFC 3339 time, {how}",
            shown(text)
        )
    })?;
    Ok(Moment::Time(time.with_timezone(&Utc)))
}

/// The id in a path. One that is no UUID names nothing that could ever be: 400 rather than 404, which a client might
/// wait out.
pub fn path_id(request: &HttpRequest, name: &str) -> Result<Uuid, Problem> {
    let text = request.match_info().get(name).unwrap_or_default();
    uuid(text).map_err(|_| {
        Problem::new(
            ProblemKind::MalformedId,
            format!("The path's {{{name}}} must be a UUID."),
        )
    })
}

#[cfg(test)]
mod tests;
