use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::application::ports::reading::OrderFilter;

fn errors_of(query: &str) -> Vec<(String, String)> {
    let mut parameters = Parameters::parse(query);
    parameters.one("customer_id", uuid);
    parameters.one("date_from", moment);
    parameters.any_of("status", &ORDER_STATES);
    parameters.paging::<OrderFilter>();
    match parameters.finish() {
        Ok(()) => Vec::new(),
        Err(problem) => problem
            .errors
            .into_iter()
            .map(|error| (error.parameter, error.detail))
            .collect(),
    }
}

#[rstest]
#[case("limit=0", "limit", "1 and 100")]
#[case("limit=101", "limit", "1 and 100")]
#[case("limit=-1", "limit", "1 and 100")]
#[case("limit=+1", "limit", "1 and 100")]
#[case("limit=", "limit", "1 and 100")]
#[case("limit=ten", "limit", "1 and 100")]
#[case("limit=99999999999999999999999", "limit", "1 and 100")]
#[case("limit=1&limit=2", "limit", "once")]
#[case("offset=9981", "offset", "10000")]
#[case("offset=9981", "offset", "cursor")]
#[case("offset=9901&limit=100", "offset", "10000")]
#[case("offset=-1", "offset", "10000")]
#[case("offset=18446744073709551615", "offset", "10000")]
#[case("offset=0&cursor=abc", "offset", "cursor")]
#[case("sort=name", "sort", "updated_at")]
#[case("sort=--total", "sort", "--total")]
#[case("status=lost", "status", "delivered")]
#[case("status=draft,", "status", "is no status")]
#[case("customer_id=7", "customer_id", "UUID")]
#[case("customer_id=0190b5a0000070008000000000000001", "customer_id", "UUID")]
#[case("date_from=yesterday", "date_from", "RFC 3339")]
#[case("date_from=2026-02-30", "date_from", "RFC 3339")]
#[case("date_from=2026-01-01T00:00:00+01:00", "date_from", "%2B")]
#[case("date_from=%2B12026-01-01T00:00:00Z", "date_from", "")]
#[case("colour=red", "colour", "unknown parameter")]
#[case(
    "Limit=1",
    "Limit",
    "customer_id, date_from, status, sort, limit, offset, cursor"
)]
fn a_wrong_parameter_is_named_with_what_would_be_right(
    #[case] query: &str,
    #[case] parameter: &str,
    #[case] detail: &str,
) {
    let errors = errors_of(query);
    assert!(
        errors
            .iter()
            .any(|(name, text)| name == parameter && text.contains(detail)),
        "{errors:?}"
    );
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let names: Vec<String> = errors_of("limit=0&sort=x&y=1&status=z")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["status", "sort", "limit", "y"]);
}

#[test]
fn a_correct_query_has_no_errors() {
    let query = "customer_id=0190b5a0-0000-7000-8000-000000000001&date_from=2026-01-31&status=draft,shipped\
                 &status=shipped&sort=-total&limit=100&offset=9900";
    assert_eq!(errors_of(query), []);
}

#[test]
fn states_are_read_in_any_spelling_of_the_list() {
    let one = Parameters::parse("status=shipped,draft").any_of("status", &ORDER_STATES);
    let other = Parameters::parse("status=draft&status=shipped&status=draft").any_of("status", &ORDER_STATES);
    assert_eq!(one, [OrderStatus::Draft, OrderStatus::Shipped]);
    assert_eq!(one, other);
}

#[test]
fn a_day_begins_at_midnight_in_utc() {
    let midnight = moment("2026-01-31T00:00:00Z");
    assert_eq!(moment("2026-01-31"), midnight);
    assert_eq!(moment("2026-01-31T01:00:00+01:00"), midnight);
}

proptest! {
    #[test]
    fn any_query_is_answered_without_a_panic(query in ".*") {
        errors_of(&query);
    }

    #[test]
    fn any_value_is_answered_without_a_panic(name in "(limit|offset|sort|status|date_from|cursor)", value in "[ -~]*") {
        errors_of(&format!("{name}={value}"));
    }
}

#[test]
fn a_hundred_errors_are_not_all_told() {
    let query: String = (0..99).map(|n| format!("a{n}=1&")).collect();
    let mut parameters = Parameters::parse(&query);
    parameters.paging::<OrderFilter>();
    let problem = format!("{:?}", parameters.finish().unwrap_err());
    assert!(problem.contains("67 more"), "{problem}");
    assert!(problem.len() < 20_000, "{} bytes", problem.len());
}
