//! Python steps as operators and authors meet them: jobs of a home, run by the program, on its store and connectors.

use std::process::Command;

use serde_json::{Value, json};
use test_support::TempHome;

use crate::packages::{environment, python, run};
use crate::program::{CONNECTOR, Said, command, home_with, latest_run, nomaflow, root};

fn job(id: &str, callable: &str, more: &str) -> String {
    format!(
        "[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"python\"\ncallable = \"{callable}\"\n{more}\n"
    )
}

/// A home with a job for each of these functions of `plugins/test/calls.py`, named after it.
fn home(calls: &[&str], code: &str) -> TempHome {
    let jobs: String = calls.iter().map(|name| job(name, &format!("calls:{name}"), "")).collect();
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home.write("plugins/test/calls.py", code).unwrap();
    home
}

/// Runs a job in the command's own process.
fn run_job(home: &TempHome, job: &str, env: &[(&str, &str)]) -> Said {
    let mut command = command(home.path());
    command.args(["--json", "job", "run", job, "--local"]).envs(env.iter().copied());
    command.output().expect("the program starts").into()
}

/// The output of the step of the job's latest run, which succeeded.
#[track_caller]
fn run_for_output(home: &TempHome, job: &str, env: &[(&str, &str)]) -> Value {
    run_job(home, job, env).expect(0);
    let id = latest_run(home.path(), true, job)["id"].as_str().unwrap().to_owned();
    let shown = nomaflow(home.path(), &["--json", "run", "show", &id, "--local"]).expect(0).json();
    shown["steps"][0]["output"].clone()
}

#[test]
fn a_step_uses_tables_durable_keys_and_copies_of_the_house() {
    let code = r#"
import datetime, decimal
from nomaflow import Context

def fill(ctx: Context):
    db = ctx.get_connector("db")
    db.execute("create table if not exists sold (day date, price text, kind text)")
    db.execute("create table if not exists kept (day date, price text, kind text)")
    price = decimal.Decimal("12345678901234567890.10")
    db.insert("sold", [{"day": datetime.date(2026, 11, n), "price": price, "kind": f"k{n}"} for n in range(1, 4)])
    copied = db.copy("select * from sold where day > :day", day=datetime.date(2026, 11, 1), to="db", table="kept")
    assert db.query("select day, price from kept order by day")[0] == {"day": datetime.date(2026, 11, 2), "price": str(price)}
    runs = ctx.state.get("runs", 0) + 1
    ctx.state.set("runs", runs)
    return {"rows_affected": copied, "runs": runs, "app": ctx.app, "dialect": db.dialect()}

def asks(ctx):
    ctx.secret("erp")
"#;
    let home = home(&["fill", "asks"], code);
    for runs in 1..=2 {
        let expected = json!({"rows_affected": runs * 2, "runs": runs, "app": "test", "dialect": "sqlite"});
        assert_eq!(run_for_output(&home, "fill", &[]), expected);
    }
    run_job(&home, "asks", &[]).expect(1).saying(&["there is no secret `erp`"]);
}

#[test]
fn a_hog_and_a_loop_in_c_fail_with_what_ended_them() {
    let code = "def hogs():\n    kept = []\n    while True:\n        kept.append(bytearray(1 << 24))\n\ndef spins():\n    return sum(range(10**12))\n";
    let home = home(&["hogs"], code);
    let limit = [("NOMAFLOW_PYTHON_MEMORY_MB", "150")];
    run_job(&home, "hogs", &limit)
        .expect(1)
        .saying(&["a step may use 150 MiB (`memory_mb` of `[python]`)", "was killed"]);
    home.write("plugins/test/jobs.toml", job("spins", "calls:spins", "timeout_seconds = 1")).unwrap();
    let begun = std::time::Instant::now();
    run_job(&home, "spins", &[]).expect(1).saying(&["timed out after 1 s"]);
    // One second to the timeout, two for the ladder; the rest is the start and the end of the program.
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[test]
fn functions_are_listed_and_a_broken_file_spoils_nothing_but_itself() {
    let code = "raise SystemExit('not to be imported')\n\ndef load(ctx, *, day: str, limit: int = 5):\n    \"\"\"Loads a day.\"\"\"\n";
    let home = home(&[], code);
    nomaflow(home.path(), &["plugin", "list"]).expect(0).saying(&[
        "calls:load",
        "day: str, limit: int = 5",
        "Loads a day.",
    ]);
    home.write("plugins/test/broken.py", "def f(:\n").unwrap();
    let said = nomaflow(home.path(), &["--json", "plugin", "list"]).expect(3).json();
    assert_eq!(said["plugins"], json!([]));
    let modules = said["python"]["modules"].as_array().unwrap();
    let told: Vec<_> = modules.iter().map(|module| (module["module"].as_str(), module["problem"].as_str())).collect();
    assert_eq!(told, [(Some("broken"), Some("invalid syntax (line 1)")), (Some("calls"), None)]);
    assert_eq!(modules[1]["callables"][0]["params"][1], json!({"name": "limit", "kind": "int", "default": "5"}));
}

/// A wheel with one module that knows its version.
const MAKE_WHEEL: &str = "
import sys, zipfile
folder, version = sys.argv[1:]
info = f'versioned-{version}.dist-info'
with zipfile.ZipFile(f'{folder}/versioned-{version}-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('versioned.py', f'VERSION = {version!r}\\n')
    wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\\nName: versioned\\nVersion: {version}\\n')
    wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(f'{info}/RECORD', '')
";

#[test]
fn two_apps_run_on_two_versions_of_one_package() {
    let home = home_with("");
    for (app, version) in [("one", "1.0"), ("two", "2.0")] {
        home.write(&format!("plugins/{app}/jobs.toml"), job(app, "etl:version", "")).unwrap();
        let code = "import versioned\n\ndef version():\n    return {'version': versioned.VERSION}\n";
        home.write(&format!("plugins/{app}/etl.py"), code).unwrap();
        let wheel = format!("./versioned-{version}-py3-none-any.whl");
        home.write(&format!("plugins/{app}/requirements.txt"), wheel).unwrap();
        run(Command::new(python())
            .args(["-I", "-c", MAKE_WHEEL])
            .arg(home.path().join("plugins").join(app))
            .arg(version))
        .unwrap();
    }
    let hint = "app `one` has a `requirements.txt` and no virtual environment; `nomaflow plugin venv one` makes it";
    run_job(&home, "one", &[]).expect(1).saying(&["No module named 'versioned'", hint]);
    for app in ["one", "two"] {
        nomaflow(home.path(), &["plugin", "venv", app, "--python", &python()]).expect(0).saying(&["made ", ".venv"]);
    }
    for (app, version) in [("one", "1.0"), ("two", "2.0")] {
        assert_eq!(run_for_output(&home, app, &[]), json!({"version": version}));
    }
    nomaflow(home.path(), &["plugin", "venv", "three"]).expect(4).saying(&["there is no app `three`"]);
}

fn with_packages() -> String {
    let interpreter = environment("python-steps", &root().join("tests/python/requirements.txt"), &[]);
    interpreter.to_str().unwrap().to_owned()
}

#[test]
fn numpy_polars_and_pyarrow_work_in_steps_on_rows_that_came_as_arrow() {
    let code = r#"
import numpy, polars

def fill(ctx):
    db = ctx.get_connector("db")
    db.execute("create table t (id integer, x real, name text, day date, at timestamp, price numeric(9,2), raw blob, void integer)")
    rows = [(n, n / 2, f"é{n}", f"2026-11-{n % 28 + 1:02}", f"2026-11-22 10:00:{n % 60:02}", f"{n}.{n % 10}5x"[:-1], bytes([n % 256]), None)
            for n in range(70_000)]
    return db.insert("t", rows, columns=["id", "x", "name", "day", "at", "price", "raw", "void"])

def frames(ctx):
    result = ctx.get_connector("db").arrow("select * from t order by id")
    frame = result.to_polars()
    table = result.to_arrow()
    first = frame.row(1, named=True)
    assert frame.equals(polars.read_ipc_stream(result.ipc)), "both readers see the same"
    x = frame["x"].to_numpy()
    empty = ctx.get_connector("db").arrow("select id, name from t where id < 0").to_polars()
    return {"shape": frame.shape, "types": [str(kind) for kind in frame.dtypes], "first": first,
            "sum": numpy.sum(x), "mean": x.mean(), "count": numpy.int64(len(x)), "empty": empty.shape}
"#;
    let home = home(&["fill", "frames"], code);
    let interpreter = with_packages();
    let env = [("NOMAFLOW_PYTHON_INTERPRETER", interpreter.as_str())];
    run_job(&home, "fill", &env).expect(0);
    let expected = json!({
        "shape": [70_000, 8],
        "types": ["Int64", "Float64", "String", "Date", "Datetime(time_unit='us', time_zone=None)", "Float64", "Binary", "Int64"],
        "first": {
            "id": 1, "x": 0.5, "name": "é1", "day": "2026-11-02", "at": "2026-11-22T10:00:01", "price": 1.15, "raw": "01",
            "void": null,
        },
        "sum": 1_224_982_500.0, "mean": 17499.75, "count": 70_000, "empty": [0, 2],
    });
    assert_eq!(run_for_output(&home, "frames", &env), expected);
}

#[test]
fn a_pandas_frame_goes_there_and_back() {
    let code = r#"
import datetime, pandas

def trip(ctx):
    db = ctx.get_connector("db")
    columns = "id integer, x real, name text, at timestamp"
    db.execute(f"create table sold ({columns})")
    db.execute(f"create table kept ({columns})")
    db.insert("sold", [(n, n / 4, f"é{n}", f"2026-11-22 10:00:{n:02}") for n in range(40)], columns=["id", "x", "name", "at"])
    frame = db.arrow("select * from sold").to_pandas()
    frame["x"] *= 2
    frame.loc[3, ["name", "at"]] = None
    written = db.insert("kept", frame)
    rows = db.query("select * from kept where id in (3, 4) order by id")
    assert rows[1]["at"] == datetime.datetime(2026, 11, 22, 10, 0, 4), rows
    again = db.arrow("select * from kept").to_pandas()
    pandas.testing.assert_frame_equal(again, frame, check_dtype=False)
    db.execute("delete from kept")
    assert db.insert("kept", db.arrow("select * from sold").to_polars()) == db.insert("kept", db.arrow("select * from sold").to_arrow()) == 40
    assert db.scalar("select count(distinct at || name || x) from kept") == 40
    db.insert("kept", [{"id": pandas.NA, "x": 1.0, "name": "n", "at": pandas.NaT}])
    assert db.query("select id, at from kept where name = 'n'") == [{"id": None, "at": None}]
    return {"written": written, "sum": frame["x"].sum(), "missing": [rows[0]["name"], rows[0]["at"]], "largest": frame["id"].max()}
"#;
    let home = home(&["trip"], code);
    let interpreter = with_packages();
    let output = run_for_output(&home, "trip", &[("NOMAFLOW_PYTHON_INTERPRETER", interpreter.as_str())]);
    assert_eq!(output, json!({"written": 40, "sum": 390.0, "missing": [null, null], "largest": 39}));
}

#[test]
fn the_driver_of_oracle_works_in_a_step_without_a_client_library() {
    // Nobody listens on a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let code = format!(
        "import oracledb\n\ndef connects():\n    assert oracledb.is_thin_mode()\n    \
         oracledb.connect(user='u', password='p', dsn='127.0.0.1:{port}/orcl', tcp_connect_timeout=5)\n"
    );
    let home = home(&["connects"], &code);
    let interpreter = with_packages();
    let said = run_job(&home, "connects", &[("NOMAFLOW_PYTHON_INTERPRETER", interpreter.as_str())]);
    said.expect(1).saying(&["oracledb.exceptions.OperationalError: DPY-6005"]);
}

#[test]
fn the_package_keeps_its_types_and_its_tests() {
    let (interpreter, folder) = (with_packages(), root().join("guest-sdk/nomaflow-python"));
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("mypy");
    let mut mypy = Command::new(&interpreter);
    mypy.args(["-m", "mypy", "--cache-dir"]).arg(cache).current_dir(&folder);
    let said = run(&mut mypy).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("Success: no issues found"), "{said}");
    let mut tests = Command::new(&interpreter);
    tests.args(["-B", "-m", "unittest", "discover", "-s", "tests"]).current_dir(&folder).env("PYTHONPATH", &folder);
    run(&mut tests).unwrap_or_else(|said| panic!("{said}"));
}
