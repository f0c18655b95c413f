//! Files that are not what they should be, names that lead nowhere, and what an inspection tells.

use host_model::StepErrorKind;
use host_model::callable::{CallableDirectory as _, CallableKind};
use host_sandbox::SandboxError;
use serde_json::json;

use crate::support::{Home, guest, plugin_text};

/// The message and the hint of a check that fails.
fn refusal(home: &Home, callable: &str) -> (String, String) {
    let error = home.runner.check(callable).expect_err("refused");
    (error.to_string(), error.hint().unwrap_or_default())
}

fn pair(message: &str, hint: &str) -> (String, String) {
    (message.to_owned(), hint.to_owned())
}

#[test]
fn a_file_that_is_no_component_says_what_it_is() {
    let home = Home::empty();
    home.put("notes", b"(component)\n");
    assert_eq!(
        refusal(&home, "notes:run"),
        pair(
            "`plugins/app/notes.wasm` is not a component: it is a text file",
            "put the compiled `.wasm` there, not its source"
        )
    );
    home.put("core", &wat::parse_str("(module (func (export \"run\")))").expect("sound text"));
    assert_eq!(refusal(&home, "core:run").0, "`plugins/app/core.wasm` is not a component: it is a core module");
}

#[test]
fn a_component_that_is_cut_off_or_broken_is_damaged() {
    let home = Home::empty();
    let whole = wat::parse_str(plugin_text("(func $run (result i32) (i32.const 96))")).expect("sound text");
    home.put("cut", &whole[..whole.len() / 2]);
    let (message, hint) = refusal(&home, "cut:run");
    assert!(message.starts_with("component `plugins/app/cut.wasm` is damaged: at least "), "{message}");
    assert_eq!(hint, "build or copy the file again");
    let mut broken = whole.clone();
    broken[8..].fill(0x7f);
    broken.truncate(8 + 2 + 0x7f);
    home.put("broken", &broken);
    assert!(refusal(&home, "broken:run").0.contains("is damaged: "));
}

#[test]
fn a_component_of_another_world_names_what_does_not_fit() {
    let home = Home::with("wrong-world");
    assert_eq!(
        refusal(&home, "wrong-world:greet"),
        pair(
            "component `plugins/app/wrong-world.wasm` does not fit this host: it exports `greet`, and not \
             `nomaflow:step/callables@1.0.0`",
            "build it against the world `plugin` of `nomaflow:step`, see `wit/step`"
        )
    );
    let text = "(component (import \"wasi:http/types@0.2.0\" (instance)) (import \"magic\" (func)))";
    home.put("greedy", &wat::parse_str(text).expect("sound text"));
    assert!(
        refusal(&home, "greedy:run").0.contains("it imports `wasi:http/types@0.2.0`, `magic`, which is not offered"),
    );
}

#[tokio::test]
async fn a_callable_that_does_not_exist_is_answered_with_the_nearest_one() {
    let home = Home::with("echo");
    let (message, hint) = refusal(&home, "echo:rum");
    assert_eq!(message, "component `plugins/app/echo.wasm` has no callable `rum`");
    assert_eq!(hint, "did you mean `run`?");
    assert_eq!(refusal(&home, "echo:something").1, "it has `run`, `deep.module:run`, `facts`");
    let error = home.run("echo:rum", json!({})).await.expect_err("no such callable").error;
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Definition, false));
    assert_eq!(error.detail, "did you mean `run`?");
}

#[test]
fn a_missing_component_is_answered_with_the_nearest_one() {
    let home = Home::with("echo");
    let (message, hint) = refusal(&home, "ecko:run");
    assert_eq!(message, "there is no component `ecko.wasm` in the folders below `plugins`");
    assert_eq!(hint, "did you mean `echo` in place of `ecko`?");
    assert_eq!(
        refusal(&home, "echo"),
        pair("`echo` does not name a callable of a component", "write `plugin:function` or `plugin.module:function`")
    );
}

#[test]
fn two_components_of_one_name_are_both_named() {
    let home = Home::with("echo");
    let other = home.folder.path().join("plugins/other");
    std::fs::create_dir(&other).expect("a folder");
    std::fs::copy(home.path("echo"), other.join("echo.wasm")).expect("a copy");
    assert_eq!(
        refusal(&home, "echo:run").0,
        "component `echo` exists twice: `plugins/app/echo.wasm` and `plugins/other/echo.wasm`"
    );
}

#[tokio::test]
async fn grants_that_cannot_be_read_stop_the_step_at_their_line() {
    let home = Home::with("echo");
    home.grant("echo", "[grants.connectors]\nops = \"read\"\n\n[limits]\nmemory = 5\n");
    let (message, hint) = refusal(&home, "echo:run");
    assert_eq!(message, "plugins/app/echo.toml:5:1: unknown key `memory`");
    assert!(hint.starts_with("known here: `memory_mb`, `wall_seconds`, `cpu_seconds`, "), "{hint}");
    let error = home.run("echo:run", json!({})).await.expect_err("refused").error;
    assert_eq!((error.kind, error.message), (StepErrorKind::Definition, message));
}

#[tokio::test]
async fn an_inspection_tells_imports_exports_callables_and_digest_even_from_a_worker() {
    let home = Home::with("echo");
    let inspection = home.runner.inspect(&home.path("echo")).expect("a component");
    let names: Vec<&str> = inspection.callables.iter().map(|callable| callable.name.as_str()).collect();
    assert_eq!(names, ["run", "deep.module:run", "facts"]);
    assert_eq!(inspection.callables[0].title, "Echo");
    assert_eq!(inspection.callables[0].doc, "Returns its params.");
    assert!(inspection.imports.iter().any(|name| name == "nomaflow:step/log@1.0.0"), "{inspection:?}");
    assert!(!inspection.imports.iter().any(|name| name.starts_with("nomaflow:step/sql")), "unused: {inspection:?}");
    assert_eq!(inspection.exports, ["nomaflow:step/callables@1.0.0"]);
    assert_eq!(inspection.digest.len(), 64);
    assert_eq!(inspection.bytes as u64, std::fs::metadata(guest("echo")).expect("a file").len());
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_its_own() {
    let home = Home::empty();
    let error = home.runner.inspect(&home.path("nothing")).expect_err("no file");
    assert!(matches!(error, SandboxError::File { operation: "read", .. }), "{error:?}");
}

#[tokio::test]
async fn an_editor_is_told_the_callables_of_every_component_and_what_is_wrong_with_others() {
    let home = Home::with("echo");
    home.put("notes", b"(component)\n");
    // The list does not wait for the compiler.
    assert!(home.runner.check("echo:run").is_ok() && home.runner.check("notes:run").is_err());
    let listed = home.runner.list_callables().await;
    assert!(listed.problems.is_empty());
    let told: Vec<_> = listed.sources.iter().map(|it| (it.kind, &*it.app, &*it.name, it.is_pending)).collect();
    assert_eq!(
        told,
        [(CallableKind::Component, "app", "echo", false), (CallableKind::Component, "app", "notes", false)]
    );
    let names: Vec<_> = listed.sources[0].callables.iter().map(|it| &*it.callable).collect();
    assert_eq!(names, ["echo:run", "echo.deep.module:run", "echo:facts"]);
    assert!(listed.sources[0].callables.iter().all(|it| it.params.is_object() && it.result.is_some()));
    let problem = listed.sources[1].problem.as_deref();
    assert_eq!(problem, Some("`plugins/app/notes.wasm` is not a component: it is a text file"));
}
