//! Starts `nomaflow` commands in a home and reads what they say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use test_support::{Host, TempHome};

/// The built program.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_nomaflow");

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A finished command.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self::new(output)
    }
}

impl Said {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program speaks UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Both streams, for messages.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.out, self.err)
    }

    /// Fails unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Fails unless some output holds every one of `parts`.
    #[track_caller]
    pub(crate) fn saying(self, parts: &[&str]) -> Self {
        let all = self.all();
        for part in parts {
            assert!(all.contains(part), "`{part}` is missing in\n{all}");
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}\n{}", self.all()))
    }
}

/// A command in a home, without any setting of the caller's environment.
pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    let ours = std::env::vars().map(|(name, _)| name);
    for name in
        ours.filter(|n| (n.starts_with("NOMAFLOW_") || n.starts_with("LIBERTY_")) && n != "NOMAFLOW_TEST_POSTGRES")
    {
        command.env_remove(name);
    }
    command.env("USER", "bob").env_remove("SUDO_USER").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    // Sign-ins of this machine are kept below the home, which goes with the test.
    command.env("XDG_CONFIG_HOME", home.join("config"));
    command.arg("--home").arg(home);
    command
}

/// Runs `nomaflow --home <home> <arguments>`.
pub(crate) fn nomaflow(home: &Path, arguments: &[&str]) -> Said {
    Said::new(command(home).args(arguments).output().expect("the program starts"))
}

/// A home as `nomaflow init` makes it, with one app.
pub(crate) fn home_with(jobs: &str) -> TempHome {
    let home = TempHome::new().unwrap();
    Said::new(Command::new(BINARY).arg("init").arg(home.path()).output().unwrap()).expect(0);
    home.write("plugins/test/jobs.toml", jobs).unwrap();
    // An empty file is an empty SQLite database; a file that is not there is an error to a step that reads.
    home.write("data/test.db", "").unwrap();
    home
}

/// A connector `db` on a SQLite file of the home, as appended to `connectors.toml`.
pub(crate) const CONNECTOR: &str =
    "[pools.db]\nurl = \"sqlite:data/test.db\"\n[connectors.db]\ntype = \"sql\"\npool = \"db\"\n";

/// A job with one SQL step on `db`.
pub(crate) fn sql_job(id: &str, query: &str) -> String {
    format!(
        "[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"q\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = '''{query}'''\n"
    )
}

/// A SELECT that keeps SQLite busy for minutes.
pub(crate) const ENDLESS_SELECT: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000000000) select count(*) from n";

/// A server on the home.
pub(crate) fn serve(home: &TempHome) -> Host {
    Host::start_with(BINARY, home.path(), |command| {
        command.env("USER", "bob").env_remove("NOMAFLOW_HOME").env_remove("NOMAFLOW_TOKEN");
    })
    .unwrap()
}

/// The id of the latest run of a job.
pub(crate) fn latest_run(home: &Path, local: bool, job: &str) -> Value {
    let mut arguments = vec!["--json", "job", "history", job, "--limit", "1"];
    if local {
        arguments.push("--local");
    }
    nomaflow(home, &arguments).expect(0).json()["runs"][0].clone()
}
