//! Params against schemas, as SDKs write them and as enemies do.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn schema(json: &Json) -> ParamsSchema {
    ParamsSchema::parse(&json.to_string()).expect("a schema")
}

/// Each problem as `message | hint`.
fn found(schema_json: &Json, params: Json, own: &[&str]) -> Vec<String> {
    let Json::Object(params) = params else { panic!("params are an object") };
    let own: Vec<String> = own.iter().map(|key| (*key).to_owned()).collect();
    let problems = schema(schema_json).check("words:count", &params, &own);
    problems
        .into_iter()
        .map(|it| [Some(it.message), it.hint].into_iter().flatten().collect::<Vec<_>>().join(" | "))
        .collect()
}

fn usual() -> Json {
    json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1},
            "limit": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"$ref": "#/$defs/Mode"},
            "note": {"type": ["string", "null"]},
            "maybe": {"anyOf": [{"$ref": "#/$defs/Mode"}, {"type": "null"}]},
            "shape": {"oneOf": [{"const": "round", "description": "A ball."}, {"const": "square"}]},
            "inner": {"type": "object", "properties": {"size": {"type": "number"}}, "required": ["size"],
                "additionalProperties": false},
            "list": {"type": "array", "items": {"type": "integer"}, "uniqueItems": true},
            "code": {"type": "string", "pattern": "^(?!x)[a-z]+$"}
        },
        "$defs": {"Mode": {"type": "string", "enum": ["fast", "exact"]}},
        "required": ["text"],
        "additionalProperties": false
    })
}

#[test]
fn params_that_fit_have_no_problem() {
    let params = json!({"text": "a", "limit": 9, "mode": "fast", "note": null, "maybe": null, "shape": "round",
        "inner": {"size": 1.5}, "list": [1, 2], "code": "abc"});
    assert_eq!(found(&usual(), params, &["text", "limit"]), Vec::<String>::new());
    assert_eq!(found(&json!({}), json!({"anything": [1]}), &["anything"]), Vec::<String>::new());
}

#[test]
fn every_rule_has_its_sentence_and_names_what_is_allowed() {
    for (params, wanted) in [
        (json!({"text": 1}), "param `text` of `words:count` must be a string"),
        (json!({"text": ""}), "param `text` of `words:count` must have at least 1 character(s)"),
        (json!({"text": "a", "limit": 0}), "param `limit` of `words:count` must be at least 1"),
        (json!({"text": "a", "limit": 10}), "param `limit` of `words:count` must be at most 9"),
        (json!({"text": "a", "limit": 1.5}), "param `limit` of `words:count` must be a whole number"),
        (json!({"text": "a", "note": 1}), "param `note` of `words:count` must be nothing or a string"),
        (
            json!({"text": "a", "mode": "fsat"}),
            "param `mode` of `words:count` must be one of `fast`, `exact` | did you mean `fast`?",
        ),
        (
            json!({"text": "a", "maybe": "exat"}),
            "param `maybe` of `words:count` must be one of `fast`, `exact` | did you mean `exact`?",
        ),
        (
            json!({"text": "a", "maybe": 3}),
            "param `maybe` of `words:count` must be one of `fast`, `exact` or be a string or be nothing",
        ),
        (
            json!({"text": "a", "shape": "sqare"}),
            "param `shape` of `words:count` must be one of `round`, `square` | did you mean `square`?",
        ),
        (json!({"text": "a", "inner": {}}), "param `inner` of `words:count` lacks `size`"),
        (json!({"text": "a", "inner": {"size": "1"}}), "param `inner.size` of `words:count` must be a number"),
        (json!({"text": "a", "inner": {"size": 1, "sice": 1}}), "param `inner` of `words:count` has no param `sice`"),
        (json!({"text": "a", "list": [1, "x"]}), "param `list.1` of `words:count` must be a whole number"),
        (json!({"text": "a", "list": [1, 1]}), "param `list` of `words:count` must not have an item twice"),
        (json!({"text": "a", "code": "xy"}), "param `code` of `words:count` must match `^(?!x)[a-z]+$`"),
        (json!({}), "`words:count` is not given its param `text`"),
        (json!({"text": "a", "lmit": 1}), "`words:count` has no param `lmit` | did you mean `limit`?"),
    ] {
        assert_eq!(found(&usual(), params.clone(), &["lmit"]), [wanted], "{params}");
    }
}

#[test]
fn what_is_shared_with_the_whole_job_is_checked_only_where_the_schema_has_a_property() {
    let shared = json!({"text": "a", "of_another_step": 1, "limit": 10});
    assert_eq!(found(&usual(), shared, &[]), ["param `limit` of `words:count` must be at most 9"]);
    let own = json!({"text": "a", "of_another_step": 1});
    let wanted = "`words:count` has no param `of_another_step` | it has `text`, `limit`, `mode`, `note`, `maybe`, `shape`, `inner`, `list`, `code`";
    assert_eq!(found(&usual(), own, &["of_another_step"]), [wanted]);
}

#[test]
fn properties_are_found_behind_references_and_combinations() {
    let schema = json!({"$ref": "#/$defs/All", "$defs": {
        "All": {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"if": {}, "then": {"properties": {"b": {"const": 1}}}}]},
    }});
    let wanted = ["param `a` of `words:count` must be a whole number", "param `b` of `words:count` must be `1`"];
    assert_eq!(found(&schema, json!({"a": "x", "b": 2}), &[]), wanted);
}

#[test]
fn no_message_repeats_a_value() {
    let params = json!({"text": "a", "limit": "s3cret", "mode": "s3cret", "note": ["s3cret"], "shape": "s3cret", "code": "S3cret",
        "maybe": {"s3cret": 1}, "list": "s3cret"});
    let told = found(&usual(), params, &[]).join("\n");
    assert_eq!(told.lines().count(), 7, "{told}");
    assert!(!told.to_lowercase().contains("s3cret"), "{told}");
}

#[test]
fn a_schema_that_is_none_says_why() {
    for (text, why) in [
        ("{", "it is not JSON"),
        ("[1]", "[1] is not of types"),
        (r#"{"type": "objekt"}"#, "at `/type`"),
        (r#"{"properties": {"a": {"pattern": "("}}}"#, "at `/properties/a/pattern`"),
        (r#"{"$ref": "https://example.com/schema"}"#, "`https://example.com/schema` leads to nothing within it"),
        (r#"{"$ref": "file:///etc/passwd"}"#, "leads to nothing within it"),
        (r##"{"$ref": "#/$defs/gone"}"##, "`#/$defs/gone` leads to nothing within it"),
        (r##"{"properties": {"a": {"$id": "x", "$ref": "#/b"}}}"##, "it uses `$id`"),
        (r##"{"allOf": [{"$dynamicRef": "#n"}]}"##, "it uses `$dynamicRef`"),
    ] {
        let error = ParamsSchema::parse(text).err().unwrap_or_else(|| panic!("{text} is refused"));
        assert!(error.contains(why), "{text}: {error}");
    }
    // Names of params are no keywords.
    let named =
        json!({"properties": {"$id": {"type": "string"}, "id": {"type": "integer"}, "$ref": {"type": "string"}}});
    assert_eq!(found(&named, json!({"id": "x"}), &[]), ["param `id` of `words:count` must be a whole number"]);
}

/// Definitions that each name the next one twice.
fn doubling(n: usize, keyword: &str) -> Json {
    let mut definitions = JsonMap::new();
    for at in 0..n {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        definitions.insert(format!("d{at}"), json!({keyword: [next, next]}));
    }
    definitions.insert(format!("d{n}"), json!({"type": "string"}));
    json!({"$defs": definitions, "properties": {"x": {"$ref": "#/$defs/d0"}}})
}

#[test]
fn a_hostile_schema_is_refused_or_checked_quickly() {
    let begun = Instant::now();
    for keyword in ["anyOf", "allOf", "oneOf"] {
        let error = ParamsSchema::parse(&doubling(40, keyword).to_string()).err().expect("refused");
        assert!(error.contains("more than 20000 rules"), "{error}");
        found(&doubling(10, keyword), json!({"x": 1}), &["x"]);
    }
    let mut chain = JsonMap::new();
    for at in 0..50_000 {
        chain.insert(format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)}));
    }
    let chain = json!({"$defs": chain, "$ref": "#/$defs/d0"}).to_string();
    let error = ParamsSchema::parse(&chain).err().expect("refused");
    assert!(error.contains("deep inside one another"), "{error}");
    let circles = [
        json!({"$ref": "#"}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}),
        json!({"properties": {"x": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}}}),
    ];
    for circle in circles {
        found(&circle, json!({"x": {"x": {"x": 1}}}), &["x"]);
    }
    let greedy = json!({"properties": {"x": {"pattern": "^(a+)+(?=b)$"}}});
    found(&greedy, json!({"x": "a".repeat(60)}), &["x"]);
    let huge = r#"{"properties": {"x": {"pattern": "^((((a{100}){100}){100}){100})$"}}}"#;
    assert!(ParamsSchema::parse(huge).is_err());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
