//! `nomaflow plugin inspect FILE`: what a component is, without running any of its callables.

use std::path::Path;

use anyhow::Context as _;
use host_model::Json;
use host_sandbox::{CallableInfo, ComponentRunner, Inspection};
use serde_json::json;

use super::{grants, size, workbench};
use crate::cli::Global;
use crate::command::table;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::visible;

/// What an interface of the contract needs before its calls do anything; none for those that need nothing.
const NEEDS: [(&str, &str); 5] = [
    ("nomaflow:step/sql@", "[grants.connectors] NAME = \"read\" or \"read-write\""),
    ("nomaflow:step/http@", "[grants.http] hosts = [\"HOST\"]"),
    ("nomaflow:step/ldap@", "[grants] ldap = [\"NAME\"]"),
    ("nomaflow:step/secrets@", "[grants] secrets = [\"NAME\"]"),
    ("nomaflow:step/state@", "[grants] state = true"),
];

pub(super) async fn inspect(file: &Path, global: &Global) -> Outcome {
    if !file.is_file() {
        return Err(Failure::new(Exit::NotFound, format!("there is no component `{}`", file.display())));
    }
    let runner = runner(Path::new("."))?;
    let path = file.to_owned();
    let inspected =
        tokio::task::spawn_blocking(move || runner.inspect(&path)).await.context("the inspection broke off")?;
    let inspection = inspected.map_err(|error| workbench::refusal(&error))?;
    let granted = grants::read(file).map_err(|error| workbench::refusal(&error))?;
    if global.json {
        say(&to_json(file, &inspection, granted.as_ref()).to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!("{}  {}", file.display(), size(inspection.bytes as u64)))?;
    say(&format!("sha256 {}", inspection.digest))?;
    let present = plugin_builder::contract();
    say(&match contract(&inspection) {
        Some(contract) if contract == present => format!("contract {contract}"),
        Some(contract) => format!("contract {contract}, which is served beside the present {present}"),
        None => "no contract".to_owned(),
    })?;
    say(&format!("exports {}", inspection.exports.join(", ")))?;
    say("\ncallables")?;
    for callable in &inspection.callables {
        say(&describe(callable))?;
    }
    let (ours, others): (Vec<_>, Vec<_>) = inspection.imports.iter().partition(|name| name.starts_with("nomaflow:"));
    say("\nimports, and the grant without which a call is denied")?;
    let rows: Vec<Vec<String>> =
        ours.iter().map(|name| vec![format!("  {name}"), needed(name).unwrap_or("none").to_owned()]).collect();
    say(&table::render(&["  INTERFACE", "GRANT"], &rows))?;
    if !others.is_empty() {
        say(&format!("  and {} of WASI: files and environment as far as granted, no sockets", others.len()))?;
    }
    let file = file.with_extension("toml");
    let told = match &granted {
        None => format!("\nnothing is granted: there is no {}", file.display()),
        Some(json) => {
            let limits = grants::limits(json).into_iter().map(|limit| format!("limit {limit}"));
            let mut lines: Vec<String> = grants::granted(json);
            if lines.is_empty() {
                lines.push("nothing".to_owned());
            }
            let lines: String = lines.into_iter().chain(limits).map(|line| format!("\n  {line}")).collect();
            format!("\ngranted in {}{lines}", file.display())
        }
    };
    say(&told)?;
    Ok(Exit::Fine)
}

/// The version of the contract a component is written against: `nomaflow:step@1.0.0`.
pub(super) fn contract(inspection: &Inspection) -> Option<String> {
    let export = inspection.exports.iter().find(|name| name.starts_with("nomaflow:step/"))?;
    export.split_once('@').map(|(_, version)| format!("nomaflow:step@{version}"))
}

pub(super) fn runner(plugins: &Path) -> Result<ComponentRunner, Failure> {
    Ok(ComponentRunner::new(plugins, workbench::cache()?).context("the sandbox cannot start")?)
}

pub(crate) fn needed(import: &str) -> Option<&'static str> {
    NEEDS.iter().find(|(name, _)| import.starts_with(name)).map(|(_, grant)| *grant)
}

fn to_json(file: &Path, inspection: &Inspection, granted: Option<&Json>) -> Json {
    let schema = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_else(|_| text.into());
    let callable = |it: &CallableInfo| {
        json!({
            "name": it.name,
            "title": it.title,
            "doc": it.doc,
            "params_schema": schema(&it.params_schema),
            "result_schema": schema(&it.result_schema),
            "meta": it.meta,
        })
    };
    let needs = inspection.imports.iter().filter_map(|name| Some(json!({ "import": name, "grant": needed(name)? })));
    json!({
        "path": file,
        "sha256": inspection.digest,
        "bytes": inspection.bytes,
        "contract": contract(inspection),
        "imports": inspection.imports,
        "exports": inspection.exports,
        "callables": inspection.callables.iter().map(callable).collect::<Vec<_>>(),
        "grants_needed": needs.collect::<Vec<_>>(),
        "granted": granted,
    })
}

/// A callable with its params and result, a line each.
fn describe(callable: &CallableInfo) -> String {
    let schema: Json = serde_json::from_str(&callable.params_schema).unwrap_or_default();
    let result: Json = serde_json::from_str(&callable.result_schema).unwrap_or_default();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let line = |sign: &str, name: &str, it: &Json, is_optional: bool| {
        let default = it.get("default").map_or(String::new(), |default| format!(" = {default}"));
        let optional = if is_optional && default.is_empty() { ", optional" } else { "" };
        let doc = it["description"].as_str().unwrap_or_default();
        format!("\n    {}", in_a_line(&format!("{sign} {name}: {}{default}{optional}  {doc}", kind_of(it))).trim_end())
    };
    let params = schema["properties"].as_object().into_iter().flatten();
    let results = result["properties"].as_object().into_iter().flatten();
    let lines: String = params
        .map(|(name, it)| line("-", name, it, !required.contains(&name.as_str())))
        .chain(results.map(|(name, it)| line(">", name, it, false)))
        .collect();
    format!("  {}  {}{lines}", callable.name, in_a_line(&callable.title))
}

/// Text of a component in one line that is seen for what it is: who looks before granting must not be shown another answer.
fn in_a_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// The type of a JSON Schema in a word or two.
fn kind_of(schema: &Json) -> String {
    match &schema["type"] {
        Json::String(kind) => kind.clone(),
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callable_is_described_by_its_schemas() {
        let callable = CallableInfo {
            name: "purge".into(),
            title: "Purge old visits".into(),
            doc: String::new(),
            params_schema: r#"{"required": ["db"], "properties": {"db": {"type": "string", "description": "Where."},
                "year": {"type": "integer", "default": 2020}, "note": {"type": ["string", "null"]}}}"#
                .into(),
            result_schema: r#"{"properties": {"rows": {"type": "integer"}}}"#.into(),
            meta: Vec::new(),
        };
        let wanted = "  purge  Purge old visits\n    - db: string  Where.\n    - year: integer = 2020\n    - note: string or null, optional\n    > rows: integer";
        assert_eq!(describe(&callable), wanted);
    }

    #[test]
    fn what_a_component_says_of_itself_cannot_pass_for_an_answer_of_ours() {
        let callable = CallableInfo {
            name: "purge".into(),
            title: "Purge\u{1b}[2J\n\ngranted in x.toml\n  nothing".into(),
            doc: String::new(),
            params_schema:
                r#"{"properties": {"d\nb": {"type": "string\u001b[8m", "description": "Where.\nimports: none"}}}"#
                    .into(),
            result_schema: "{}".into(),
            meta: Vec::new(),
        };
        let told = describe(&callable);
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn an_import_names_its_grant_whatever_its_version() {
        assert!(needed("nomaflow:step/sql@1.0.0").is_some_and(|grant| grant.contains("connectors")));
        assert_eq!(needed("nomaflow:step/log@1.0.0"), None);
    }
}
