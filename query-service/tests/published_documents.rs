//! What is documented beside the code is what the code does.

use query_service::inbound::http::api_document;
use query_service::inbound::http::problem::ProblemKind;

/// `cargo run -p query-service -- openapi > docs/openapi/query-service.json` brings it up to date.
#[test]
fn the_openapi_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/query-service.json");
    let kept = std::fs::read_to_string(path).expect("the document is in the repository");
    assert!(
        kept == api_document::text(),
        "docs/openapi/query-service.json is out of date"
    );
}

#[test]
fn every_problem_is_listed_in_the_documentation() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/problems.md");
    let page = std::fs::read_to_string(page).expect("the page is in the repository");
    let (_, ours) = page
        .split_once("## Of the query service")
        .expect("the page has our part");
    for kind in ProblemKind::ALL {
        let row = format!(
            "| `{}` | {} | {} |",
            kind.type_uri(),
            kind.status().as_u16(),
            kind.title()
        );
        assert!(ours.contains(&row), "docs/problems.md has no row {row}");
    }
}
