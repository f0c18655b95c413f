//! Apps with interpreters and packages of their own, and what is known of their callables without running them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use host_model::StepErrorKind;
use host_model::callable::{CallableDirectory, CallableKind, EveryCallable};
use host_python::{AppInterpreters, PythonCallables, PythonConfig, PythonRunner, VenvError, list_modules, make_venv};
use serde_json::json;

use crate::support::{Attempt, apps, attempt, config, interpreter};

/// A home's plugins with two apps that have modules of the same names.
fn two_apps() -> tempfile::TempDir {
    let plugins = tempfile::tempdir().unwrap();
    for app in ["one", "two"] {
        std::fs::create_dir(plugins.path().join(app)).unwrap();
        let text =
            format!("import versioned\ndef version():\n    return {{'package': versioned.VERSION, 'app': '{app}'}}\n");
        std::fs::write(plugins.path().join(app).join("etl.py"), text).unwrap();
    }
    plugins
}

/// An environment without pip, as somebody may make it by hand; installing pip takes a test half a minute.
fn environment(apps: &AppInterpreters, app: &str) -> PathBuf {
    let venv = apps.plugins.join(app).join(".venv");
    let made = Command::new(interpreter()).args(["-I", "-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    venv
}

/// Puts a module into an environment, as if somebody had installed it.
fn install(venv: &Path, version: &str) {
    let site = Command::new(venv.join("bin/python"))
        .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        .output()
        .unwrap();
    let site = String::from_utf8(site.stdout).unwrap();
    std::fs::write(Path::new(site.trim()).join("versioned.py"), format!("VERSION = '{version}'\n")).unwrap();
}

fn of_app(app: &str) -> Attempt {
    let mut attempt = attempt(json!({}));
    attempt.ctx.app = app.into();
    attempt
}

#[tokio::test]
async fn two_apps_use_two_versions_of_one_package() {
    let plugins = two_apps();
    let apps = apps(plugins.path());
    let runner = PythonRunner::new(PythonConfig { apps: apps.clone(), ..config() });
    for (app, version) in [("one", "1.0"), ("two", "2.0")] {
        let venv = environment(&apps, app);
        install(&venv, version);
    }
    for _ in 0..2 {
        for (app, version) in [("one", "1.0"), ("two", "2.0")] {
            let output = of_app(app).run(&runner, "etl:version").await.unwrap().output;
            assert_eq!(json!(output), json!({"package": version, "app": app}));
        }
    }
}

#[tokio::test]
async fn packages_installed_later_are_seen_by_the_next_step() {
    let plugins = two_apps();
    let apps = apps(plugins.path());
    let runner = PythonRunner::new(PythonConfig { apps: apps.clone(), ..config() });
    let venv = environment(&apps, "one");
    let error = of_app("one").fail(&runner, "etl:version").await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (StepErrorKind::Definition, "ModuleNotFoundError: No module named 'versioned'")
    );
    install(&venv, "1.5");
    assert_eq!(of_app("one").run(&runner, "etl:version").await.unwrap().output["package"], "1.5");
}

#[tokio::test]
async fn an_app_whose_requirements_nobody_installed_says_which_command_does() {
    let plugins = two_apps();
    std::fs::write(plugins.path().join("one/requirements.txt"), "versioned==1\n").unwrap();
    let runner = PythonRunner::new(PythonConfig { apps: apps(plugins.path()), ..config() });
    let error = of_app("one").fail(&runner, "etl:version").await;
    assert!(error.detail.contains("`nomaflow plugin venv one` makes it"), "{}", error.detail);
    assert!(!plugins.path().join("one/.venv").exists(), "nothing is made while a job runs");
}

#[tokio::test]
async fn an_environment_made_for_other_requirements_is_told_in_the_log() {
    let plugins = two_apps();
    let apps = apps(plugins.path());
    let venv = environment(&apps, "one");
    install(&venv, "1.0");
    std::fs::write(venv.join("nomaflow-requirements.txt"), "versioned==1\n").unwrap();
    std::fs::write(plugins.path().join("one/requirements.txt"), "versioned==2\n").unwrap();
    let runner = PythonRunner::new(PythonConfig { apps, ..config() });
    let attempt = of_app("one");
    attempt.run(&runner, "etl:version").await.unwrap();
    attempt.voice.level_of("`nomaflow plugin venv one` renews it");
}

#[test]
fn an_environment_that_cannot_be_made_leaves_nothing_behind() {
    let plugins = two_apps();
    let mut apps = apps(plugins.path());
    std::fs::write(plugins.path().join("one/requirements.txt"), "./no/such/package\n").unwrap();
    let error = make_venv(&apps, "one", &interpreter()).unwrap_err();
    assert!(matches!(error, VenvError::Failed { .. }), "{error}");
    assert!(!plugins.path().join("one/.venv").exists());
    assert!(matches!(make_venv(&apps, "nobody", &interpreter()), Err(VenvError::NoApp(_))));
    apps.named.insert("two".into(), "/opt/two/bin/python".into());
    let error = make_venv(&apps, "two", &interpreter()).unwrap_err();
    assert!(error.to_string().contains("its `.venv` would not be used"), "{error}");
}

#[tokio::test]
async fn callables_are_listed_without_running_anything() {
    let plugins = tempfile::tempdir().unwrap();
    let app = plugins.path().join("shop");
    for folder in ["deep/er", ".venv/lib", "tests", "plain/folder", "env"] {
        std::fs::create_dir_all(app.join(folder)).unwrap();
    }
    let text = r#"
raise SystemExit("nobody imports this")
import os

def load(ctx, *, day: "datetime.date", limit: int = 5, **rest):
    """Loads a day.

    More.
    """

async def later(first: Context, plain, /, other=None): ...

def _private(): ...
class A:
    def method(self): ...
"#;
    for (file, text) in [
        ("sales.py", text),
        ("_hidden.py", "def f(): ...\n"),
        ("listed.py", "__all__ = ['_b']\ndef a(): ...\ndef _b(): ...\n"),
        ("broken.py", "def f(:\n"),
        ("deep/__init__.py", "def top(): ...\n"),
        ("deep/er/__init__.py", ""),
        ("deep/er/low.py", "def low(connectors, settings): ...\n"),
        (".venv/lib/no.py", "def f(): ...\n"),
        ("plain/folder/low.py", "def low(): ...\n"),
        ("env/pyvenv.cfg", ""),
        ("env/tools.py", "def f(): ...\n"),
    ] {
        std::fs::write(app.join(file), text).unwrap();
    }
    let modules = list_modules(&apps(plugins.path())).await.unwrap();
    let names: Vec<_> = modules.iter().map(|module| module.module.as_str()).collect();
    assert_eq!(names, ["broken", "deep", "deep.er", "deep.er.low", "listed", "plain.folder.low", "sales"]);
    assert_eq!(modules[0].problem.as_deref(), Some("invalid syntax (line 1)"));
    assert_eq!(modules[4].callables.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["_b"]);
    assert!(modules[3].callables[0].params.is_empty());
    let expected = json!([
        {
            "name": "load", "line": 5, "doc": "Loads a day.", "is_async": false, "takes_any": true,
            "params": [
                {"name": "day", "kind": "'datetime.date'", "default": null},
                {"name": "limit", "kind": "int", "default": "5"},
            ],
            "schema": {
                "type": "object",
                "properties": {
                    "day": {"type": "string", "format": "date"}, "limit": {"type": "integer", "default": 5},
                },
                "required": ["day"],
                "additionalProperties": true,
            },
        },
        {
            "name": "later", "line": 11, "doc": "", "is_async": true, "takes_any": false,
            "params": [
                {"name": "plain", "kind": "", "default": null},
                {"name": "other", "kind": "", "default": "None"},
            ],
            "schema": {
                "type": "object",
                "properties": {"plain": {}, "other": {"default": null}},
                "required": ["plain"],
                "additionalProperties": false,
            },
        },
    ]);
    assert_eq!(serde_json::to_value(&modules[6].callables).unwrap(), expected);
}

#[tokio::test]
async fn what_goes_into_a_component_is_no_function_of_a_step() {
    let plugins = tempfile::tempdir().unwrap();
    // As `nomaflow plugin new --lang python` lays it out, with a package of its own and a module of steps beside it.
    for file in ["visits/src/plugin.py", "visits/vendor/rates/__init__.py", "visits/sdk/python/x.py", "visits/steps.py"]
    {
        let path = plugins.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "def f(): ...\n").unwrap();
    }
    // Without an `sdk` it is a package like another.
    std::fs::create_dir_all(plugins.path().join("shop/src")).unwrap();
    std::fs::write(plugins.path().join("shop/src/orders.py"), "def f(): ...\n").unwrap();
    let modules = list_modules(&apps(plugins.path())).await.unwrap();
    let names: Vec<_> = modules.iter().map(|it| (it.app.as_str(), it.module.as_str())).collect();
    assert_eq!(names, [("shop", "src.orders"), ("visits", "steps")]);
}

#[tokio::test]
async fn without_python_files_no_interpreter_is_needed_and_with_them_its_absence_is_told() {
    let plugins = tempfile::tempdir().unwrap();
    std::fs::create_dir(plugins.path().join("shop")).unwrap();
    let mut apps = apps(plugins.path());
    apps.default = "/no/such/python3".into();
    assert!(list_modules(&apps).await.unwrap().is_empty());
    std::fs::write(plugins.path().join("shop/sales.py"), "").unwrap();
    let error = list_modules(&apps).await.unwrap_err().to_string();
    assert!(error.starts_with("the Python files of `shop` cannot be parsed with `/no/such/python3`: "), "{error}");
}

#[tokio::test]
async fn parameters_are_described_to_an_editor_in_its_own_words() {
    let plugins = tempfile::tempdir().unwrap();
    let app = plugins.path().join("shop");
    std::fs::create_dir(&app).unwrap();
    let text = r#"
def load(
    ctx,
    day: "datetime.date",
    names: list[str],
    price: Decimal | None = None,
    mode: typing.Literal["fast", "safe"] = "safe",
    size: Annotated[Optional[int], "rows"] = 10,
    anything: Thing = Thing(),
    when=datetime.now(),
    either: int | Thing = 1,
    wipe: Annotated[bool, "all of it", "destructive"] = False,
    keep: Annotated[bool, "nothing destructive", other] = True,
):
    """Loads a day.

    From the *ledger*.
    """
"#;
    std::fs::write(app.join("sales.py"), text).unwrap();
    std::fs::write(app.join("empty.py"), "").unwrap();
    std::fs::write(app.join("broken.py"), "def f(:\n").unwrap();
    let mut apps = apps(plugins.path());
    let listed = PythonCallables::new(apps.clone()).list_callables().await;
    assert!(listed.problems.is_empty());
    let sales = listed.sources.iter().find(|source| source.name == "sales").unwrap();
    assert_eq!((sales.kind, &*sales.app, &sales.path), (CallableKind::Python, "shop", &app.join("sales.py")));
    let load = &sales.callables[0];
    assert_eq!((&*load.callable, &*load.title), ("sales:load", "Loads a day."));
    assert_eq!(load.doc, "Loads a day.\n\nFrom the *ledger*.");
    let expected = json!({
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "names": {"type": "array", "items": {"type": "string"}},
            "price": {"anyOf": [{"type": ["number", "string"]}, {"type": "null"}], "default": null},
            "mode": {"enum": ["fast", "safe"], "default": "safe"},
            "size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 10},
            "anything": {}, "when": {}, "either": {"default": 1},
            "wipe": {"type": "boolean", "default": false, "destructive": true},
            "keep": {"type": "boolean", "default": true},
        },
        "required": ["day", "names"],
        "additionalProperties": false,
    });
    assert_eq!(load.params, expected);
    // Side by side with others, what has nothing to say is left out, and an interpreter that is not there is told.
    let all = EveryCallable(vec![Arc::new(PythonCallables::new(apps.clone()))]).list_callables().await;
    let told: Vec<_> = all.sources.iter().map(|source| (&*source.name, source.problem.as_deref())).collect();
    assert_eq!(told, [("broken", Some("invalid syntax (line 1)")), ("sales", None)]);
    std::fs::create_dir(plugins.path().join("other")).unwrap();
    std::fs::write(plugins.path().join("other/more.py"), "").unwrap();
    apps.named.insert("other".into(), "/no/such/python3".into());
    let listed = PythonCallables::new(apps).list_callables().await;
    assert_eq!(listed.sources.len(), 3, "the other app's files are listed");
    assert!(listed.problems[0].starts_with("the Python files of `other` cannot be parsed"), "{:?}", listed.problems);
}
