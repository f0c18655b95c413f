//! `nomaflow plugin inspect FILE` and `plugin list`: what components are, without running any of their callables.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_catalogue::Flags;
use host_model::Json;
use host_sandbox::grants::Grants;
use host_sandbox::{CallableInfo, ComponentRunner, Inspection};
use serde_json::json;

use super::{size, workbench};
use crate::cli::Global;
use crate::command::table;
use crate::exit::{Exit, Failure, Outcome};
use crate::home::Home;
use crate::say;

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
    let grants_file = file.with_extension("toml");
    let grants =
        Grants::read(&grants_file, &grants_file.display().to_string()).map_err(|error| workbench::refusal(&error))?;
    if global.json {
        say(&to_json(&inspection, &grants_file).to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!("{}  {}", file.display(), size(inspection.bytes as u64)))?;
    say(&format!("sha256 {}", inspection.digest))?;
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
    let given = grants_file.is_file();
    say(&match given {
        true => format!("\ngranted in {}\n{}", grants_file.display(), granted(&grants)),
        false => format!("\nno grants: there is no {}", grants_file.display()),
    })?;
    Ok(Exit::Fine)
}

/// Every component below the plugins folder of the home.
pub(super) async fn list(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let plugins = home.settings(&Flags::default())?.settings.plugins_dir(home.path());
    let files = find_components(&plugins);
    let runner = runner(&plugins)?;
    let look = move || files.into_iter().map(|file| (runner.inspect(&file), file)).collect::<Vec<_>>();
    let found = tokio::task::spawn_blocking(look).await.context("the inspection broke off")?;
    let mut rows = Vec::new();
    let mut answer: Vec<Json> = Vec::new();
    for (inspected, file) in &found {
        let app =
            file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let plugin = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match inspected {
            Ok(it) => {
                let names: Vec<&str> = it.callables.iter().map(|callable| callable.name.as_str()).collect();
                let digest = it.digest.get(..12).unwrap_or(&it.digest);
                answer.push(json!({
                    "plugin": plugin, "app": app, "valid": true, "callables": names, "bytes": it.bytes, "sha256": it.digest,
                }));
                rows.push(vec![plugin, app, names.join(", "), size(it.bytes as u64), digest.to_owned()]);
            }
            Err(error) => {
                answer.push(json!({ "plugin": plugin, "app": app, "valid": false, "problem": error.to_string() }));
                rows.push(vec![plugin, app, format!("INVALID: {error}"), String::new(), String::new()]);
            }
        }
    }
    say(&if global.json {
        json!({ "plugins": answer }).to_string()
    } else {
        table::render(&["PLUGIN", "APP", "CALLABLES", "SIZE", "SHA256"], &rows)
    })?;
    Ok(if found.iter().all(|(inspected, _)| inspected.is_ok()) { Exit::Fine } else { Exit::Invalid })
}

fn runner(plugins: &Path) -> Result<ComponentRunner, Failure> {
    Ok(ComponentRunner::new(plugins, workbench::cache()?).context("the sandbox cannot start")?)
}

/// `<plugins>/*/*.wasm`, sorted.
fn find_components(plugins: &Path) -> Vec<PathBuf> {
    let inside =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|e| e.path());
    let mut files: Vec<PathBuf> = inside(plugins)
        .flat_map(|app| inside(&app).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm") && path.is_file())
        .collect();
    files.sort();
    files
}

fn needed(import: &str) -> Option<&'static str> {
    NEEDS.iter().find(|(name, _)| import.starts_with(name)).map(|(_, grant)| *grant)
}

fn to_json(inspection: &Inspection, grants_file: &Path) -> Json {
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
        "path": inspection.path,
        "sha256": inspection.digest,
        "bytes": inspection.bytes,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "callables": inspection.callables.iter().map(callable).collect::<Vec<_>>(),
        "grants_needed": needs.collect::<Vec<_>>(),
        "grants_file": grants_file.is_file().then_some(grants_file),
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
        format!("\n    {sign} {name}: {}{default}{optional}  {doc}", kind_of(it)).trim_end().to_owned()
    };
    let params = schema["properties"].as_object().into_iter().flatten();
    let results = result["properties"].as_object().into_iter().flatten();
    let lines: String = params
        .map(|(name, it)| line("-", name, it, !required.contains(&name.as_str())))
        .chain(results.map(|(name, it)| line(">", name, it, false)))
        .collect();
    format!("  {}  {}{lines}", callable.name, callable.title)
}

/// The type of a JSON Schema in a word or two.
fn kind_of(schema: &Json) -> String {
    match &schema["type"] {
        Json::String(kind) => kind.clone(),
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

/// What a file of grants gives, a line each.
fn granted(grants: &Grants) -> String {
    use host_model::port::Access;
    let mode = |access: Access| if access == Access::ReadWrite { "read-write" } else { "read" };
    let mut lines: Vec<String> =
        grants.connectors.iter().map(|(name, access)| format!("  connector {name}: {}", mode(*access))).collect();
    if !grants.http.hosts.is_empty() {
        lines.push(format!("  http: {} hosts", grants.http.hosts.len()));
    }
    lines.extend(grants.ldap.iter().map(|name| format!("  ldap {name}")));
    let folder = |(name, it): (&String, &host_sandbox::grants::DirectoryGrant)| {
        format!("  directory /{name}: {}, {}", it.path.display(), mode(it.access))
    };
    lines.extend(grants.directories.iter().map(folder));
    lines.extend(grants.env.iter().map(|name| format!("  env {name}")));
    lines.extend(grants.secrets.iter().map(|name| format!("  secret {name}")));
    lines.extend(grants.state.then(|| "  state".to_owned()));
    let limits = &grants.limits;
    lines.push(format!("  memory {}", size(limits.memory_bytes)));
    lines.extend(limits.wall.map(|wall| format!("  wall time {} s", wall.as_secs_f64())));
    lines.extend(limits.cpu.map(|cpu| format!("  processor time {} s", cpu.as_secs_f64())));
    lines.join("\n")
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
    fn an_import_names_its_grant_whatever_its_version() {
        assert!(needed("nomaflow:step/sql@1.0.0").is_some_and(|grant| grant.contains("connectors")));
        assert_eq!(needed("nomaflow:step/log@1.0.0"), None);
    }
}
