//! The OpenAPI document: as it was last looked at, whole, and served.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::house;

const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// `BLESS=1` writes what is found in place of what was expected.
#[test]
fn the_document_is_the_one_that_was_looked_at() {
    let found = host_api::document("0.0.0") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(Path::new(PLACE), &found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(PLACE).unwrap();
    let at = found.lines().zip(expected.lines()).position(|(a, b)| a != b);
    assert!(found == expected, "the document changed at line {at:?}; look at it, then run again with BLESS=1");
}

fn document() -> Value {
    serde_json::from_str(&host_api::document("0.0.0")).unwrap()
}

/// Every `$ref` in `value`.
fn references<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|inner| references(inner, into));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, into)),
        _ => {}
    }
}

#[test]
fn every_route_of_the_table_is_described_with_its_permission_and_its_problems() {
    let document = document();
    let mut ids = BTreeSet::new();
    let table = host_api::table();
    assert!(table.len() > 30, "{}", table.len());
    for line in table {
        let operation = &document["paths"][&line.path][line.method.to_lowercase()];
        let what = format!("{} {}", line.method, line.path);
        assert_eq!(operation["x-permission"], line.need.permission(), "{what}");
        assert!(operation["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
        assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem", "{what}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: its id is taken");
        for name in line.path.split('{').skip(1).map(|part| part.split('}').next().unwrap()) {
            let is_named = |p: &Value| p["name"] == name && p["in"] == "path" && p["required"] == true;
            assert!(operation["parameters"].as_array().unwrap().iter().any(is_named), "{what}: {name}");
        }
    }
}

#[test]
fn whatever_the_document_refers_to_is_in_it() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let words = &document["components"]["schemas"]["RunStatus"]["enum"];
    assert_eq!(words.as_array().unwrap().len(), 6, "{words}");
}

#[tokio::test]
async fn the_document_and_its_page_are_served_without_sign_in_and_need_nothing_from_elsewhere() {
    let house = house().await;
    let served = house.plain("GET", "/openapi.json", &[], "").await;
    assert_eq!((served.status, served.json()["info"]["version"].as_str()), (200, Some("1.2.3")));
    let again = house.plain("GET", "/openapi.json", &[("if-none-match", served.header("etag"))], "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let page = house.plain("GET", "/docs", &[], "").await;
    assert!(page.header("content-security-policy").contains("script-src 'self'"), "{:?}", page.headers);
    for (path, kind) in [("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css")] {
        let file = house.plain("GET", path, &[], "").await;
        assert!(file.header("content-type").starts_with(kind), "{path}");
        assert!(page.body.contains(path.trim_start_matches('/')), "{path}");
        assert!(!file.body.contains("http://") && !file.body.contains("https://"), "{path}");
    }
    // The style sheet and the script are the only things the page names, and none of them is inline.
    assert!(!page.body.contains("<style") && !page.body.contains("//") && page.body.matches("<script").count() == 1);
}
